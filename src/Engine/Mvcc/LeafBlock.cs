using System.Runtime.CompilerServices;

namespace GrainDb.Engine.Mvcc;

/// <summary>A block of the tree: a <see cref="LeafBlock"/> or a <see cref="BranchBlock"/>.</summary>
internal abstract class TreeBlock
{
    /// <summary>
    /// Leading bytes that the key prefixes in this block leave out. Every key that is routed here shares them, because the
    /// separators on both sides do. May be less than they share, never more.
    /// </summary>
    public int Skip;
}

/// <summary>
/// Up to <see cref="Capacity"/> versions in order: keys ascending, newest version first. The prefixes stand apart from the entries, so
/// that a search stays within a few cache lines. No leaf is empty, except the only one of an empty tree.
/// </summary>
internal sealed class LeafBlock : TreeBlock
{
    /// <summary>Most versions of one block. Not above 64: the collector keeps a bit for each in one word.</summary>
    public const int Capacity = 64;

    /// <summary>The object itself and the headers of its two arrays, in bytes.</summary>
    public const int FixedBytes = 64 + (2 * 24);

    /// <summary>Bytes of one slot in the two arrays.</summary>
    public const int SlotBytes = 32 + sizeof(ulong);

    public ulong[] Prefixes;
    public VersionEntry[] Entries;
    public int Count;
    public LeafBlock? Previous;
    public LeafBlock? Next;

    /// <summary>Where the last insert went: tells ascending and descending runs from random order when the block splits.</summary>
    public int LastInsert = NoInsert;

    private const int NoInsert = -2;

    /// <summary>An empty block with room for <paramref name="count"/> entries.</summary>
    public LeafBlock(BlockArrays arrays, int count) => (Prefixes, Entries) = arrays.Rent(count);

    /// <summary>Index of the first entry that is not before the given place.</summary>
    public int LowerBound(SlabPages slabs, ReadOnlySpan<byte> key, ulong timestamp)
    {
        var target = KeyPrefix.At(key, Skip);
        var prefixes = Prefixes;
        var low = 0;
        var high = Count;
        while (low < high)
        {
            var middle = (int)((uint)(low + high) >> 1);
            var prefix = prefixes[middle];
            if (prefix < target || (prefix == target && CompareEqualPrefix(slabs, middle, key, timestamp) < 0))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Whether the entry has this key.</summary>
    public bool HasKey(SlabPages slabs, int index, ReadOnlySpan<byte> key) => Entries[index].Key(slabs).SequenceEqual(key);

    /// <summary>Whether the entry has this key, which must be one that is routed to this block.</summary>
    public bool HasRoutedKey(SlabPages slabs, int index, ReadOnlySpan<byte> key)
    {
        if (Entries[index].KeyLength != key.Length || Prefixes[index] != KeyPrefix.At(key, Skip))
            return false;
        return key.Length - Skip <= KeyPrefix.Bytes || Entries[index].Key(slabs)[Skip..].SequenceEqual(key[Skip..]);
    }

    /// <summary>Whether the entry at <paramref name="index"/> (above zero) has the key of the one before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ContinuesKey(SlabPages slabs, int index) =>
        Prefixes[index] == Prefixes[index - 1] && SameKey(slabs, Entries[index], Entries[index - 1]);

    /// <summary>Whether the first entry has the key of the last one of the block before.</summary>
    public bool ContinuesKeyOfPrevious(SlabPages slabs) =>
        Previous is { } previous && SameKey(slabs, Entries[0], previous.Entries[previous.Count - 1]);

    /// <summary>Whether two entries have the same key.</summary>
    public static bool SameKey(SlabPages slabs, in VersionEntry left, in VersionEntry right) =>
        left.KeyLength == right.KeyLength && (left.SharesKeyWith(right) || left.Key(slabs).SequenceEqual(right.Key(slabs)));

    /// <summary>Inserts where there is room.</summary>
    public void InsertAt(BlockArrays arrays, int index, ulong prefix, in VersionEntry entry)
    {
        if (Count == Entries.Length)
            Resize(arrays, Count + 1);
        Array.Copy(Prefixes, index, Prefixes, index + 1, Count - index);
        Array.Copy(Entries, index, Entries, index + 1, Count - index);
        Prefixes[index] = prefix;
        Entries[index] = entry;
        Count++;
        LastInsert = index;
    }

    /// <summary>Moves the entries from <paramref name="index"/> on into an empty block; prefixes are as before on both sides.</summary>
    public void MoveTail(BlockArrays arrays, int index, LeafBlock target)
    {
        var moved = Count - index;
        Array.Copy(Prefixes, index, target.Prefixes, 0, moved);
        Array.Copy(Entries, index, target.Entries, 0, moved);
        target.Count = moved;
        target.Skip = Skip;
        Count = index;
        LastInsert = NoInsert;
        if (moved > 0)
            Resize(arrays, Count + 1);
    }

    /// <summary>Appends all entries of the following block.</summary>
    public void Absorb(SlabPages slabs, BlockArrays arrays, LeafBlock next)
    {
        var total = Count + next.Count;
        if (total > Entries.Length)
            Resize(arrays, total);
        Array.Copy(next.Entries, 0, Entries, Count, next.Count);
        for (var index = Count; index < total; index++)
            Prefixes[index] = KeyPrefix.At(Entries[index].Key(slabs), Skip);
        Count = total;
        LastInsert = NoInsert;
        arrays.Return(next.Prefixes, next.Entries);
    }

    /// <summary>Changes the number of bytes left out, and with it all prefixes.</summary>
    public void SetSkip(SlabPages slabs, int skip)
    {
        if (skip == Skip)
            return;
        Skip = skip;
        for (var index = 0; index < Count; index++)
            Prefixes[index] = KeyPrefix.At(Entries[index].Key(slabs), skip);
    }

    /// <summary>Keeps the entries whose bit is set, and gives back room that is not needed.</summary>
    public void Keep(BlockArrays arrays, ulong bits)
    {
        var kept = 0;
        for (var index = 0; index < Count; index++)
        {
            if ((bits & (1UL << index)) == 0)
                continue;
            Prefixes[kept] = Prefixes[index];
            Entries[kept++] = Entries[index];
        }

        Count = kept;
        LastInsert = NoInsert;
        if (Count * 2 < Entries.Length)
            Resize(arrays, Count + 1);
    }

    private void Resize(BlockArrays arrays, int count)
    {
        if (BlockArrays.LengthFor(count) == Entries.Length)
            return;
        var (prefixes, entries) = arrays.Rent(count);
        Array.Copy(Prefixes, prefixes, Count);
        Array.Copy(Entries, entries, Count);
        arrays.Return(Prefixes, Entries);
        (Prefixes, Entries) = (prefixes, entries);
    }

    // The prefixes are equal: decided by what is behind them. Negative when the entry is before the place.
    private int CompareEqualPrefix(SlabPages slabs, int index, ReadOnlySpan<byte> key, ulong timestamp)
    {
        ref var entry = ref Entries[index];

        // Where both rests fit into the prefix, equal prefixes differ at most in zero bytes at the end.
        var order = entry.KeyLength - Skip <= KeyPrefix.Bytes && key.Length - Skip <= KeyPrefix.Bytes
            ? entry.KeyLength - key.Length
            : entry.Key(slabs)[Skip..].SequenceCompareTo(key[Skip..]);
        return order != 0 ? order : timestamp.CompareTo(entry.Timestamp);
    }
}

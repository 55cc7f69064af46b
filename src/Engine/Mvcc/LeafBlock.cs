using System.Numerics;
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

    /// <summary>Entries of a leaf, or children of a branch.</summary>
    public int Count;
}

/// <summary>
/// Up to <see cref="Capacity"/> versions in order: keys ascending, newest version first. One object without arrays of its own: a search
/// touches its prefixes, one entry, and seldom anything else. No leaf is empty, except the only one of an empty tree.
/// </summary>
internal sealed class LeafBlock : TreeBlock
{
    /// <summary>Most versions of one block. Not above 64: the collector keeps a bit for each in one word.</summary>
    public const int Capacity = PrefixSlots.Capacity;

    /// <summary>Bytes of the object.</summary>
    public const int FixedBytes = 56 + (Capacity * (32 + sizeof(ulong)));

    public LeafBlock? Previous;
    public LeafBlock? Next;

    /// <summary>Where the last insert went: tells ascending and descending runs from random order when the block splits.</summary>
    public int LastInsert = NoInsert;

    /// <summary>No version in it is newer. May be newer than all of them, when some went.</summary>
    public ulong NewestTimestamp;

    public PrefixSlots Prefixes;
    public EntrySlots Entries;

    private const int NoInsert = -2;

    /// <summary>Index of the first entry that is not before the given place.</summary>
    public int LowerBound(VersionSlabs slabs, ReadOnlySpan<byte> key, ulong timestamp)
    {
        var target = KeyPrefix.At(key, Skip);
        var low = Prefixes.CountLess(Count, target);
        if (low == Count || Prefixes[low] != target)
            return low;

        // Entries with the prefix: mostly one, else versions of one key, or keys that differ behind it.
        if (low + 1 == Count || Prefixes[low + 1] != target)
            return IsBefore(slabs, low, key, timestamp) ? low + 1 : low;
        var high = Prefixes.CountLessOrEqual(Count, target);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (IsBefore(slabs, middle, key, timestamp))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Whether the entry has this key.</summary>
    public bool HasKey(VersionSlabs slabs, int index, ReadOnlySpan<byte> key) => Entries[index].Key(slabs).SequenceEqual(key);

    /// <summary>Whether the entry has this key, which must be one that is routed to this block.</summary>
    public bool HasRoutedKey(VersionSlabs slabs, int index, ReadOnlySpan<byte> key)
    {
        if (Prefixes[index] != KeyPrefix.At(key, Skip) || Entries[index].KeyLength != key.Length)
            return false;
        return key.Length - Skip <= KeyPrefix.Bytes || Entries[index].Key(slabs)[Skip..].SequenceEqual(key[Skip..]);
    }

    /// <summary>Whether the entry at <paramref name="index"/> (above zero) has the key of the one before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ContinuesKey(VersionSlabs slabs, int index) =>
        Prefixes[index] == Prefixes[index - 1] && SameKey(slabs, Entries[index], Entries[index - 1]);

    /// <summary>Whether the first entry has the key of the last one of the block before.</summary>
    public bool ContinuesKeyOfPrevious(VersionSlabs slabs) =>
        Previous is { } previous && SameKey(slabs, Entries[0], previous.Entries[previous.Count - 1]);

    /// <summary>Whether two entries have the same key.</summary>
    public static bool SameKey(VersionSlabs slabs, in VersionEntry left, in VersionEntry right) =>
        left.KeyLength == right.KeyLength && (left.SharesKeyWith(right) || left.Key(slabs).SequenceEqual(right.Key(slabs)));

    /// <summary>Inserts where there is room.</summary>
    public void InsertAt(int index, ulong prefix, in VersionEntry entry)
    {
        Prefixes[index..Count].CopyTo(Prefixes[(index + 1)..]);
        Entries[index..Count].CopyTo(Entries[(index + 1)..]);
        Prefixes[index] = prefix;
        Entries[index] = entry;
        Count++;
        LastInsert = index;
        NewestTimestamp = Math.Max(NewestTimestamp, entry.Timestamp);
    }

    /// <summary>Moves the entries from <paramref name="index"/> on into an empty block; prefixes are as before on both sides.</summary>
    public void MoveTail(int index, LeafBlock target)
    {
        Prefixes[index..Count].CopyTo(target.Prefixes[..]);
        Entries[index..Count].CopyTo(target.Entries[..]);
        target.Count = Count - index;
        target.Skip = Skip;
        target.NewestTimestamp = NewestTimestamp;
        Count = index;
        LastInsert = NoInsert;
    }

    /// <summary>Appends all entries of the following block; they must fit.</summary>
    public void Absorb(VersionSlabs slabs, LeafBlock next)
    {
        next.Entries[..next.Count].CopyTo(Entries[Count..]);
        var total = Count + next.Count;
        for (var index = Count; index < total; index++)
            Prefixes[index] = KeyPrefix.At(Entries[index].Key(slabs), Skip);
        Count = total;
        LastInsert = NoInsert;
        NewestTimestamp = Math.Max(NewestTimestamp, next.NewestTimestamp);
    }

    /// <summary>Changes the number of bytes left out, and with it all prefixes.</summary>
    public void SetSkip(VersionSlabs slabs, int skip)
    {
        if (skip == Skip)
            return;
        Skip = skip;
        for (var index = 0; index < Count; index++)
            Prefixes[index] = KeyPrefix.At(Entries[index].Key(slabs), skip);
    }

    /// <summary>Keeps the entries whose bit is set.</summary>
    public void Keep(ulong bits)
    {
        if (BitOperations.PopCount(bits) == Count)
            return;
        var kept = 0;
        for (; bits != 0; bits &= bits - 1)
        {
            var index = BitOperations.TrailingZeroCount(bits);
            Prefixes[kept] = Prefixes[index];
            Entries[kept++] = Entries[index];
        }

        Count = kept;
        LastInsert = NoInsert;
    }

    // Of an entry with the prefix of the key: whether it is before the place.
    private bool IsBefore(VersionSlabs slabs, int index, ReadOnlySpan<byte> key, ulong timestamp)
    {
        ref var entry = ref Entries[index];

        // Where both rests fit into the prefix, equal prefixes differ at most in zero bytes at the end.
        var order = entry.KeyLength - Skip <= KeyPrefix.Bytes && key.Length - Skip <= KeyPrefix.Bytes
            ? entry.KeyLength - key.Length
            : entry.Key(slabs)[Skip..].SequenceCompareTo(key[Skip..]);
        return order < 0 || (order == 0 && entry.Timestamp > timestamp);
    }
}

/// <summary>The entries of one leaf, inside the leaf's own object.</summary>
[InlineArray(PrefixSlots.Capacity)]
internal struct EntrySlots
{
    private VersionEntry _first;
}

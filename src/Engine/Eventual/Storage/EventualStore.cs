using System.IO.Hashing;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The states of one replica's keys in memory, in the leaves of the tree that is kept with them. What holds: the tree is that of the states, and the dead are
/// those keys of which no value can be read for good. Not thread-safe.
/// </summary>
internal sealed class EventualStore
{
    private readonly SortedList<ReadOnlyMemory<byte>, StoredKey>?[] _leaves = new SortedList<ReadOnlyMemory<byte>, StoredKey>?[MerkleTree.Leaves];
    private readonly Dictionary<ReadOnlyMemory<byte>, StoredKey> _mortal = new(RoutingKeyComparer.Instance);

    /// <summary>Kept with every change.</summary>
    public MerkleTree Tree { get; } = new();

    /// <summary>Number of keys, those included of which only a tombstone is left.</summary>
    public long Keys { get; private set; }

    /// <summary>Bytes of keys and states.</summary>
    public long Bytes { get; private set; }

    /// <summary>Keys with more than one sibling.</summary>
    public long Conflicted { get; private set; }

    /// <summary>Keys of which no value can be read now or from some time on.</summary>
    public IReadOnlyDictionary<ReadOnlyMemory<byte>, StoredKey> Mortal => _mortal;

    public StoredKey? Find(ReadOnlyMemory<byte> key) => _leaves[LeafOf(key)] is { } leaf && leaf.TryGetValue(key, out var stored) ? stored : null;

    /// <summary>Replaces the state of a key.</summary>
    public void Set(ReadOnlyMemory<byte> key, byte[] encoded, Lsn lsn)
    {
        Forget(key);
        var set = DottedSetCodec.Decode(encoded);
        var dead = DeadFrom(set);
        var stored = new StoredKey(encoded, HashOf(key, set), lsn, dead, set.Siblings.Count);
        var index = LeafOf(key);
        (_leaves[index] ??= new(ByteOrder.Instance)).Add(key, stored);
        if (dead != Timestamp.Max)
            _mortal.Add(key, stored);
        Count(key, stored, 1);
        Tree.Toggle(index, stored.Hash);
    }

    /// <summary>Removes a key. No effect when it is not there.</summary>
    public void Forget(ReadOnlyMemory<byte> key)
    {
        var index = LeafOf(key);
        if (_leaves[index] is not { } leaf || !leaf.Remove(key, out var stored))
            return;
        if (leaf.Count == 0)
            _leaves[index] = null;
        _mortal.Remove(key);
        Count(key, stored, -1);
        Tree.Toggle(index, stored.Hash);
    }

    /// <summary>The keys of a leaf in order, those behind <paramref name="after"/> only.</summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, StoredKey>> Leaf(int index, ReadOnlyMemory<byte>? after) =>
        _leaves[index] is not { } leaf ? [] : after is { } start ? leaf.SkipWhile(pair => pair.Key.Span.SequenceCompareTo(start.Span) <= 0) : leaf;

    /// <summary>Whether a leaf of the tree is the one that its states make.</summary>
    public bool IsLeafRight(int index)
    {
        var hash = 0UL;
        foreach (var (key, stored) in Leaf(index, after: null))
            hash ^= HashOf(key, DottedSetCodec.Decode(stored.Encoded));
        return hash == Tree.HashOf(MerkleTree.Levels - 1, index);
    }

    /// <summary>One hash of a key with the writes that its state has seen and those that stand: what two replicas must agree on.</summary>
    private static ulong HashOf(ReadOnlyMemory<byte> key, DottedSet set)
    {
        var writer = new ByteWriter();
        VersionVectorCodec.Write(writer, set.Context);
        foreach (var sibling in set.Siblings)
        {
            writer.Guid(sibling.Dot.Actor);
            writer.Varint(sibling.Dot.Counter);
        }

        return XxHash3.HashToUInt64(writer.Written, unchecked((long)XxHash3.HashToUInt64(key.Span)));
    }

    private static Timestamp DeadFrom(DottedSet set) =>
        set.Siblings.Aggregate(Timestamp.Zero, (dead, sibling) =>
            Timestamp.Later(dead, sibling.IsTombstone ? sibling.Timestamp : sibling.ExpiresAt.IsZero ? Timestamp.Max : sibling.ExpiresAt));

    private static int LeafOf(ReadOnlyMemory<byte> key) => MerkleTree.LeafOf(XxHash3.HashToUInt64(key.Span));

    private void Count(ReadOnlyMemory<byte> key, StoredKey stored, int sign)
    {
        Keys += sign;
        Bytes += sign * (key.Length + stored.Encoded.Length);
        Conflicted += stored.Siblings > 1 ? sign : 0;
    }
}

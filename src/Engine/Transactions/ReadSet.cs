using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What a transaction has read, as routing keys and intervals of them: what has to be unchanged where its snapshot moves, and, where a read must
/// hold until the commit, what the commit validates. Not thread-safe.
/// </summary>
internal sealed class ReadSet
{
    private readonly Dictionary<string, KeyspaceReads> _keyspaces = [];
    private long _bytes;

    /// <summary>Keys and intervals.</summary>
    public int Count { get; private set; }

    /// <summary>Whether nothing was read.</summary>
    public bool IsEmpty => Count == 0 && IsComplete;

    /// <summary>Whether everything that was read is in it; beyond <see cref="TransactionLimits.MaxReads"/> it is not any more.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>The reads by keyspace.</summary>
    public IEnumerable<KeyValuePair<string, KeyspaceReads>> Keyspaces => _keyspaces;

    /// <param name="keyspace">Where.</param>
    /// <param name="key">The routing key that was read.</param>
    /// <param name="mustHold">Whether the commit depends on it under any isolation.</param>
    public void Add(string keyspace, ReadOnlyMemory<byte> key, bool mustHold)
    {
        var reads = Of(keyspace);
        if (reads.Keys.TryGetValue(key, out var held))
            reads.Keys[key] = held | mustHold;
        else if (TryCount(key.Length))
            reads.Keys.Add(key, mustHold);
    }

    /// <param name="keyspace">Where.</param>
    /// <param name="interval">The routing keys that were scanned.</param>
    public void Add(string keyspace, RoutingInterval interval)
    {
        if (TryCount(interval.Start.Length + (interval.End?.Length ?? 0)))
            Of(keyspace).Intervals.Add(interval);
    }

    private bool TryCount(int bytes)
    {
        IsComplete &= Count < TransactionLimits.MaxReads && _bytes + bytes <= TransactionLimits.MaxBytes;
        if (!IsComplete)
            return false;
        Count++;
        _bytes += bytes;
        return true;
    }

    private KeyspaceReads Of(string keyspace)
    {
        if (!_keyspaces.TryGetValue(keyspace, out var reads))
            _keyspaces.Add(keyspace, reads = new KeyspaceReads());
        return reads;
    }

    /// <summary>The reads of one keyspace; of keys whether the commit depends on them under any isolation.</summary>
    internal sealed class KeyspaceReads
    {
        public Dictionary<ReadOnlyMemory<byte>, bool> Keys { get; } = new(RoutingKeyComparer.Instance);

        public List<RoutingInterval> Intervals { get; } = [];
    }
}

using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The writes of a transaction before its commit, by routing key. Of several writes of a key the last one counts, with the condition of the first: that one
/// speaks of what the commit will find. Not thread-safe.
/// </summary>
internal sealed class WriteBuffer
{
    private readonly Dictionary<string, SortedDictionary<ReadOnlyMemory<byte>, KeyWrite>> _keyspaces = [];
    private long _bytes;

    /// <summary>Keys written.</summary>
    public int Count { get; private set; }

    /// <summary>The writes by keyspace; their keys are routing keys.</summary>
    public IEnumerable<(string Keyspace, IReadOnlyCollection<KeyWrite> Writes)> Keyspaces => _keyspaces.Select(keyspace => (keyspace.Key, (IReadOnlyCollection<KeyWrite>)keyspace.Value.Values));

    /// <summary>The write of a routing key; null when there is none.</summary>
    public KeyWrite? Find(string keyspace, ReadOnlyMemory<byte> key) => _keyspaces.GetValueOrDefault(keyspace)?.GetValueOrDefault(key);

    /// <param name="keyspace">Where.</param>
    /// <param name="write">Its key is the routing key; its value must not change any more.</param>
    /// <returns>Why not; null when it is taken.</returns>
    public Failure? Add(string keyspace, KeyWrite write)
    {
        var before = Find(keyspace, write.Key);
        var bytes = _bytes - SizeOf(before) + SizeOf(write);
        if (bytes > TransactionLimits.MaxBytes)
            return Failure.NotApplied(ErrorCode.TransactionTooLarge, $"the transaction would write {bytes} bytes, the limit is {TransactionLimits.MaxBytes}");
        if (before is null && Count == TransactionLimits.MaxWrites)
            return Failure.NotApplied(ErrorCode.TransactionTooLarge, $"the transaction writes {Count} keys already, which is the limit");
        if (!_keyspaces.TryGetValue(keyspace, out var writes))
            _keyspaces.Add(keyspace, writes = new(RoutingKeyOrder.Instance));
        writes[write.Key] = before is null ? write : write with { Condition = before.Condition };
        Count += before is null ? 1 : 0;
        _bytes = bytes;
        return null;
    }

    /// <summary>Lays the writes over a page that was read.</summary>
    /// <param name="keyspace">Where.</param>
    /// <param name="covered">The routing keys that the page covers.</param>
    /// <param name="rows">The page, in scan order.</param>
    /// <param name="reverse">Whether that is descending.</param>
    /// <param name="keysOnly">Whether values are left out.</param>
    /// <param name="passes">Which keys of the interval are asked for.</param>
    public IReadOnlyList<ScanItem> Overlay(string keyspace, RoutingInterval covered, IReadOnlyList<ScanItem> rows, bool reverse, bool keysOnly, Func<ReadOnlyMemory<byte>, bool> passes)
    {
        if (!_keyspaces.TryGetValue(keyspace, out var writes))
            return rows;
        var own = writes.Values.Where(write => IsIn(covered, write.Key.Span) && passes(write.Key)).ToList();
        if (own.Count == 0)
            return rows;
        if (reverse)
            own.Reverse();
        var merged = new List<ScanItem>(rows.Count + own.Count);
        var next = 0;
        foreach (var row in rows)
        {
            var isReplaced = false;
            for (; next < own.Count; next++)
            {
                var order = own[next].Key.Span.SequenceCompareTo(row.Key.Span);
                if (reverse ? order < 0 : order > 0)
                    break;
                isReplaced |= order == 0;
                Take(own[next]);
            }

            if (!isReplaced)
                merged.Add(row);
        }

        for (; next < own.Count; next++)
            Take(own[next]);
        return merged;

        void Take(KeyWrite write)
        {
            if (write.Kind == WriteKind.Put)
                merged.Add(keysOnly ? new ScanItem(write.Key, Timestamp.Zero, "", default) : new ScanItem(write.Key, Timestamp.Zero, write.ContentType, write.Value));
        }
    }

    private static bool IsIn(RoutingInterval interval, ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(interval.Start) >= 0 && (interval.End is null || key.SequenceCompareTo(interval.End) < 0);

    private static int SizeOf(KeyWrite? write) => write is null ? 0 : write.Key.Length + write.Value.Length + write.ContentType.Length;
}

/// <summary>Routing keys in their order.</summary>
internal sealed class RoutingKeyOrder : IComparer<ReadOnlyMemory<byte>>
{
    public static readonly RoutingKeyOrder Instance = new();

    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);
}

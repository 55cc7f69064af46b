using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What a transaction has prepared in one range: intents on the keys that it writes, locks on what it read. Immutable; it stands until the
/// decision is applied.
/// </summary>
internal sealed class PreparedTransaction
{
    private readonly RoutingInterval[] _merged;

    public PreparedTransaction(
        TransactionId id,
        Timestamp prepared,
        Timestamp readTimestamp,
        Timestamp deadline,
        RangeId[] participants,
        PreparedWrite[] writes,
        ReadOnlyMemory<byte>[] readKeys,
        RoutingInterval[] readIntervals,
        IdempotencyStamp? idempotency,
        bool existed)
    {
        Id = id;
        Prepared = prepared;
        ReadTimestamp = readTimestamp;
        Deadline = deadline;
        Participants = participants;
        Writes = writes;
        ReadKeys = readKeys;
        ReadIntervals = readIntervals;
        Idempotency = idempotency;
        Existed = existed;
        _merged = Merge(readIntervals);
        Bytes = writes.Sum(write => (long)write.Key.Length + write.Stored.Length)
            + readKeys.Sum(key => (long)key.Length)
            + readIntervals.Sum(interval => (long)interval.Start.Length + (interval.End?.Length ?? 0));
    }

    public TransactionId Id { get; }

    /// <summary>Of keys and values.</summary>
    public long Bytes { get; }

    /// <summary>The record's timestamp: the commit timestamp is not below.</summary>
    public Timestamp Prepared { get; }

    public Timestamp ReadTimestamp { get; }

    /// <summary>It is not committed at a timestamp above this; that nothing of it is prepared later is remembered until then.</summary>
    public Timestamp Deadline { get; }

    public RangeId[] Participants { get; }

    public PreparedWrite[] Writes { get; }

    public ReadOnlyMemory<byte>[] ReadKeys { get; }

    public RoutingInterval[] ReadIntervals { get; }

    /// <summary>Stored with the effect; null for none.</summary>
    public IdempotencyStamp? Idempotency { get; }

    /// <summary>Whether the first key had a live version; kept with <see cref="Idempotency"/>.</summary>
    public bool Existed { get; }

    /// <summary>What a transaction's part in a range is once it is prepared.</summary>
    public static PreparedTransaction Of(TransactionWork work, RangeId[] participants, Timestamp prepared, bool existed) => new(
        work.Transaction,
        prepared,
        work.ReadTimestamp,
        work.Deadline,
        participants,
        [.. work.Writes.Select(ToPrepared)],
        work.ReadKeys,
        work.ReadIntervals,
        work.Idempotency,
        existed);

    /// <summary>Whether one of the locked intervals holds the key.</summary>
    public bool LocksIntervalWith(ReadOnlySpan<byte> key)
    {
        var (low, high) = (0, _merged.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var interval = _merged[middle];
            if (key.SequenceCompareTo(interval.Start) < 0)
                high = middle - 1;
            else if (interval.End is { } end && key.SequenceCompareTo(end) >= 0)
                low = middle + 1;
            else
                return true;
        }

        return false;
    }

    private static PreparedWrite ToPrepared(KeyWrite write)
    {
        if (write.Kind == WriteKind.Delete)
            return new(write.Key, IsTombstone: true, 0, default);
        var stored = new byte[StoredValue.HeaderLength(write.ContentType) + write.Value.Length];
        write.Value.CopyTo(stored.AsMemory(StoredValue.WriteHeader(write.ContentType, stored)));
        return new(write.Key, IsTombstone: false, write.TimeToLive is { } life ? (long)life.TotalMilliseconds : 0, stored);
    }

    /// <summary>The same keys in intervals that do not overlap, ascending.</summary>
    private static RoutingInterval[] Merge(RoutingInterval[] intervals)
    {
        if (intervals.Length < 2)
            return intervals;
        var merged = new List<RoutingInterval>();
        foreach (var next in intervals.OrderBy(interval => interval.Start, ByteOrder.Instance))
        {
            if (merged.Count > 0 && (merged[^1].End is not { } end || end.AsSpan().SequenceCompareTo(next.Start) >= 0))
                merged[^1] = merged[^1] with { End = Later(merged[^1].End, next.End) };
            else
                merged.Add(next);
        }

        return [.. merged];
    }

    private static byte[]? Later(byte[]? left, byte[]? right) =>
        left is null || right is null ? null : left.AsSpan().SequenceCompareTo(right) >= 0 ? left : right;

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}

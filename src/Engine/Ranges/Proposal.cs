using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Something that waits for the log: a commit that was enqueued, or an answer that depends on commits that were. Completed
/// inline on the flushing thread, never under a lock.
/// </summary>
internal sealed class Proposal(Lsn lsn, Timestamp timestamp, KeyWrite[]? writes, WriteResult result) : TaskCompletionSource<WriteResult>
{
    /// <summary>The log position that must be durable.</summary>
    public Lsn Lsn { get; } = lsn;

    /// <summary>The commit timestamp; of a mere waiter, the newest timestamp enqueued before it.</summary>
    public Timestamp Timestamp { get; } = timestamp;

    /// <summary>What to apply; null for a waiter and for records that are not writes.</summary>
    public KeyWrite[]? Writes { get; } = writes;

    /// <summary>For <see cref="RangeRecordType.GcThreshold"/>: the threshold; else zero.</summary>
    public Timestamp GcThreshold { get; init; }

    /// <summary>A record of transactions, which is applied from its payload; null for all others.</summary>
    public TransactionalRecord? Transactional { get; init; }

    /// <summary>Whether a record stands behind it, rather than somebody else's.</summary>
    public bool HasRecord { get; init; }

    /// <summary>Whether it repeats what the record at its position does, and shares its fate: lost with it, it is as undecided.</summary>
    public bool SharesRecord { get; init; }

    /// <summary>The answer once the position is durable; set to a failure when it will not be.</summary>
    public WriteResult Result { get; set; } = result;

    public void Complete() => TrySetResult(Result);
}

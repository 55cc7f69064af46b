using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>What ranges remember of transactions, and for how long. All of it is counted in record timestamps, so that every replica forgets at the same record.</summary>
public static class TransactionMemory
{
    /// <summary>Most transactions that stand prepared in one range.</summary>
    public const int MaxPreparedPerRange = 10_000;

    /// <summary>Bytes of writes and reads of prepared transactions beyond which one range takes no more of them.</summary>
    public const long MaxPreparedBytesPerRange = 256 * 1024 * 1024;

    /// <summary>
    /// Most commits of one range that other participants have not all confirmed: beyond it the range decides no more of them. Some seconds of the most that a range commits, so that it is reached only when
    /// participants stay away.
    /// </summary>
    public const int MaxUnsettledPerRange = 100_000;

    /// <summary>Most decisions that one range remembers. When one has to go early, nothing that began as long ago as its transaction is prepared or committed here any more.</summary>
    public const int MaxDecisionsPerRange = 524_288;

    /// <summary>Most bytes of keys and answers of one range's idempotency records; beyond it the oldest go.</summary>
    public const int MaxIdempotencyBytesPerRange = 64 * 1024 * 1024;

    /// <summary>The latest deadline of a transaction, counted from its beginning: the longest life, time to recover it, and a clock's offset.</summary>
    public static readonly TimeSpan LongestLife = TransactionLimits.MaxDuration + TransactionLimits.PrepareTimeout + TimeSpan.FromSeconds(1);
}

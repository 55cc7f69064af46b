namespace GrainDb.Interfaces.Transactions;

/// <summary>Bounds of transactions. Every node of a cluster has the same.</summary>
public static class TransactionLimits
{
    /// <summary>Most writes of one transaction.</summary>
    public const int MaxWrites = 10_000;

    /// <summary>Most bytes of keys and values that one transaction writes.</summary>
    public const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Most keys and scanned intervals that a serializable transaction may have read.</summary>
    public const int MaxReads = 10_000;

    /// <summary>Most open interactive transactions of one node.</summary>
    public const int MaxOpenPerNode = 10_000;

    /// <summary>Longest idempotency key, in ASCII characters.</summary>
    public const int MaxIdempotencyKeyLength = 255;

    /// <summary>Most bytes of an answer that is kept with an idempotency key.</summary>
    public const int MaxIdempotencyAnswerBytes = 64 * 1024;

    /// <summary>Most idempotency records of one range; beyond it the oldest go.</summary>
    public const int MaxIdempotencyRecordsPerRange = 100_000;

    /// <summary>Most commits, alone or as an anchor, that one range remembers by their transaction; beyond it the oldest go.</summary>
    public const int MaxRememberedCommitsPerRange = 262_144;

    /// <summary>Longest life of an interactive transaction.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromSeconds(60);

    /// <summary>Life of an interactive transaction that does not ask for another.</summary>
    public static readonly TimeSpan DefaultDuration = TimeSpan.FromSeconds(30);

    /// <summary>An interactive transaction of which nobody asks anything for so long is rolled back.</summary>
    public static readonly TimeSpan MaxIdle = TimeSpan.FromSeconds(15);

    /// <summary>Age from which anybody may abort an undecided transaction.</summary>
    public static readonly TimeSpan PrepareTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a commit can be asked for after its transaction's deadline.</summary>
    public static readonly TimeSpan RetryWindow = TimeSpan.FromSeconds(60);

    /// <summary>How long idempotency records are kept.</summary>
    public static readonly TimeSpan IdempotencyRetention = TimeSpan.FromHours(24);
}

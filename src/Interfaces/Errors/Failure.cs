using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Errors;

/// <summary>An expected failure, carried as a result rather than an exception.</summary>
/// <param name="Code">Why.</param>
/// <param name="Outcome">What is certain about the effect.</param>
/// <param name="Detail">One sentence for a person: what was wrong, with the value and the bound where there is one. Never a stored value.</param>
[GenerateSerializer, Immutable, Alias("graindb.failure")]
public sealed record Failure([property: Id(0)] ErrorCode Code, [property: Id(1)] Outcome Outcome, [property: Id(2)] string Detail)
{
    /// <summary>For <see cref="ErrorCode.VersionMismatch"/>: the version that is there; zero when the key does not exist.</summary>
    [Id(3)]
    public Timestamp CurrentVersion { get; init; }

    /// <summary>For <see cref="ErrorCode.SnapshotTooOld"/>: nothing below it can be read.</summary>
    [Id(4)]
    public Timestamp GcThreshold { get; init; }

    /// <summary>How long to wait before a retry can succeed; null when the code says nothing about it.</summary>
    [Id(5)]
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For <see cref="ErrorCode.TransactionConflict"/>: where. At a range the routing keys, with an empty keyspace.</summary>
    [Id(6)]
    public IReadOnlyList<ConflictKey> Keys { get; init; } = [];

    /// <summary>For <see cref="ErrorCode.OutcomeUnknown"/>: the transaction to ask for; null when there is none.</summary>
    [Id(7)]
    public TransactionId? Transaction { get; init; }

    /// <summary>For <see cref="ErrorCode.TransactionConflict"/>: what it met.</summary>
    [Id(8)]
    public ConflictReason Conflict { get; init; }

    /// <summary>Whether the same request may succeed later without being changed.</summary>
    public bool Retryable => Code is ErrorCode.Overloaded or ErrorCode.Unavailable or ErrorCode.RangeMoved or ErrorCode.TransactionConflict or ErrorCode.IdempotencyInProgress;

    /// <summary>A failure that certainly had no effect.</summary>
    public static Failure NotApplied(ErrorCode code, string detail) => new(code, Outcome.NotApplied, detail);

    /// <summary>A failure after which the effect is uncertain.</summary>
    public static Failure Unknown(ErrorCode code, string detail) => new(code, Outcome.Unknown, detail);
}

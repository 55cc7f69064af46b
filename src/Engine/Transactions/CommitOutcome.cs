using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>What a transaction does in one range, at its commit.</summary>
/// <param name="Range">The range.</param>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Work">The work there.</param>
internal sealed record CommitParticipant(RangeId Range, KeyspaceDescriptor Keyspace, TransactionWork Work);

/// <summary>What is certain of a commit.</summary>
internal sealed record CommitOutcome
{
    /// <summary>Committed, aborted or unknown.</summary>
    public required TransactionStatus Status { get; init; }

    /// <summary>When committed.</summary>
    public Timestamp CommitTimestamp { get; init; }

    /// <summary>When not committed: why.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The same request took effect before, under another transaction; this one is aborted.</summary>
    public IdempotencyRecord? Repeated { get; init; }

    public static CommitOutcome Committed(Timestamp at) => new() { Status = TransactionStatus.Committed, CommitTimestamp = at };

    public static CommitOutcome Aborted(Failure why) => new() { Status = TransactionStatus.Aborted, Failure = why };

    public static CommitOutcome RepeatedAs(IdempotencyRecord record) =>
        new() { Status = TransactionStatus.Aborted, Repeated = record, CommitTimestamp = record.Version };

    public static CommitOutcome Unknown(TransactionId transaction) => new()
    {
        Status = TransactionStatus.Unknown,
        Failure = Failure.Unknown(ErrorCode.OutcomeUnknown, $"transaction {transaction} was not decided in time; ask for it") with { Transaction = transaction },
    };

    /// <summary>What the client is told.</summary>
    public CommitResult ToResult() => new() { Failure = Failure, CommitTimestamp = CommitTimestamp, IsRepeated = Repeated is not null };
}

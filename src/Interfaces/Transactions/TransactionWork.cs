using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Transactions;

/// <summary>An interval of routing keys.</summary>
/// <param name="Start">Inclusive; empty for the first key.</param>
/// <param name="End">Exclusive; null for the end.</param>
[GenerateSerializer, Immutable, Alias("graindb.routing-interval")]
public sealed record RoutingInterval([property: Id(0)] byte[] Start, [property: Id(1)] byte[]? End);

/// <summary>What one transaction does in one range. Keys are routing keys.</summary>
[GenerateSerializer, Immutable, Alias("graindb.transaction-work")]
public sealed record TransactionWork
{
    /// <summary>The transaction.</summary>
    [Id(0)]
    public required TransactionId Transaction { get; init; }

    /// <summary>Its snapshot: every write fails on a key that has a version above it. The commit timestamp lies above it.</summary>
    [Id(1)]
    public required Timestamp ReadTimestamp { get; init; }

    /// <summary>Nothing of it is prepared or decided at a timestamp above this.</summary>
    [Id(2)]
    public required Timestamp Deadline { get; init; }

    /// <summary>Generation of the descriptor by which the caller routed.</summary>
    [Id(3)]
    public required long Generation { get; init; }

    /// <summary>Distinct keys. Conditions are evaluated too.</summary>
    [Id(4)]
    public KeyWrite[] Writes { get; init; } = [];

    /// <summary>Keys that must not have a version above the snapshot, and are locked until the decision. Empty under snapshot isolation.</summary>
    [Id(5)]
    public ReadOnlyMemory<byte>[] ReadKeys { get; init; } = [];

    /// <summary>Intervals of which the same holds.</summary>
    [Id(6)]
    public RoutingInterval[] ReadIntervals { get; init; } = [];

    /// <summary>Stored with the effect; null for none. Of several participants the one with the first write has it.</summary>
    [Id(7)]
    public IdempotencyStamp? Idempotency { get; init; }
}

/// <summary>Asks a range to prepare: from its answer on until the decision the writes can be committed and the reads stay true.</summary>
/// <param name="Work">What it does here.</param>
/// <param name="Participants">Every range of the transaction, its anchor first: that one decides, and is asked for the decision by who meets the intents.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-prepare")]
public sealed record RangePrepare([property: Id(0)] TransactionWork Work, [property: Id(1)] RangeId[] Participants);

/// <summary>What a range says to a prepare.</summary>
[GenerateSerializer, Immutable, Alias("graindb.prepare-result")]
public sealed record PrepareResult
{
    /// <summary>Null when it is prepared, durably. With outcome <see cref="Outcome.NotApplied"/> nothing of it is or will be prepared here.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The commit timestamp must not be below.</summary>
    [Id(1)]
    public Timestamp PrepareTimestamp { get; init; }

    /// <summary>The same request took effect before, under another transaction: this is its result, and nothing was prepared.</summary>
    [Id(2)]
    public IdempotencyRecord? Repeated { get; init; }

    /// <summary>A prepare that failed.</summary>
    public static PrepareResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>Asks a range to commit a transaction, all of which lies here, or stands prepared elsewhere: then this range is its anchor, whose commit is the decision for all.</summary>
/// <param name="Work">What it does here.</param>
/// <param name="Others">The other participants, each of which has answered that it is prepared; empty where there is none.</param>
/// <param name="After">The highest of their prepare timestamps: the commit timestamp lies above it.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-commit")]
public sealed record RangeCommit([property: Id(0)] TransactionWork Work, [property: Id(1)] RangeId[] Others, [property: Id(2)] Timestamp After)
{
    /// <summary>The commit of a transaction that touches no other range.</summary>
    public static RangeCommit Alone(TransactionWork work) => new(work, [], Timestamp.Zero);
}

/// <summary>What a range says to a commit.</summary>
[GenerateSerializer, Immutable, Alias("graindb.range-commit-result")]
public sealed record RangeCommitResult
{
    /// <summary>Null when it is committed and durable.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The version of every key written.</summary>
    [Id(1)]
    public Timestamp CommitTimestamp { get; init; }

    /// <summary>The same request took effect before: this is its result.</summary>
    [Id(2)]
    public IdempotencyRecord? Repeated { get; init; }

    /// <summary>A commit that failed.</summary>
    public static RangeCommitResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>Asks the anchor of a transaction what it has decided.</summary>
/// <param name="Transaction">The transaction.</param>
/// <param name="Deadline">Its deadline: nothing is decided at a timestamp above.</param>
/// <param name="Aborts">Whether it is to be aborted where nothing is decided yet.</param>
/// <param name="IsPrepared">Whether it stands prepared in another range, as the asker knows. Then it was never settled, and the anchor would certainly know of its commit.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-decide")]
public sealed record RangeDecide(
    [property: Id(0)] TransactionId Transaction,
    [property: Id(1)] Timestamp Deadline,
    [property: Id(2)] bool Aborts,
    [property: Id(3)] bool IsPrepared);

/// <summary>What the anchor of a transaction has decided.</summary>
[GenerateSerializer, Immutable, Alias("graindb.range-decision")]
public sealed record RangeDecision
{
    /// <summary>Why it could not be told; null when it could.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The commit timestamp; zero when it is aborted, for good; null when nothing is decided yet.</summary>
    [Id(1)]
    public Timestamp? Outcome { get; init; }

    /// <summary>It could not be told.</summary>
    public static RangeDecision Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>A decision, on its way to a participant.</summary>
/// <param name="Transaction">The transaction.</param>
/// <param name="CommitTimestamp">When it committed; zero when it aborted.</param>
[GenerateSerializer, Immutable, Alias("graindb.resolution")]
public readonly record struct Resolution([property: Id(0)] TransactionId Transaction, [property: Id(1)] Timestamp CommitTimestamp)
{
    /// <summary>
    /// In place of a commit timestamp: no decision, but the end of any decision in this one range. It was asked what became of a transaction that it knew nothing of, and takes nothing of it any more.
    /// </summary>
    public static readonly Timestamp Fence = new(1);

    /// <summary>
    /// In place of a commit timestamp, to the anchor: every other participant has carried the commit out, durably, so nobody will ask for it any more.
    /// </summary>
    public static readonly Timestamp Settled = new(2);

    /// <summary>No decision on any transaction: the range's keyspace goes, so that nothing is prepared in it any more, and nothing decided for other ranges.</summary>
    public static readonly Resolution Closed = new(TransactionId.None, new Timestamp(3));

    /// <summary>Whether it is no decision, but the refusal of any.</summary>
    public bool IsFence => CommitTimestamp == Fence;

    /// <summary>Whether it is no decision, but says that one was carried out everywhere.</summary>
    public bool IsSettled => CommitTimestamp == Settled;
}

/// <summary>Asks whether what was read is unchanged in an interval of time.</summary>
/// <param name="Keys">Routing keys.</param>
/// <param name="Intervals">Intervals of routing keys.</param>
/// <param name="After">Exclusive lower bound of the time.</param>
/// <param name="UpTo">Inclusive upper bound; afterwards no version at or below it can appear.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-refresh")]
public sealed record RangeRefresh(
    [property: Id(0)] ReadOnlyMemory<byte>[] Keys,
    [property: Id(1)] RoutingInterval[] Intervals,
    [property: Id(2)] Timestamp After,
    [property: Id(3)] Timestamp UpTo,
    [property: Id(4)] long Generation);

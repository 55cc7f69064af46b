using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>What a check asks of a key.</summary>
public enum CheckKind : byte
{
    /// <summary>It must exist with exactly this version.</summary>
    VersionEquals,

    /// <summary>It must exist.</summary>
    Exists,

    /// <summary>It must not exist.</summary>
    NotExists,

    /// <summary>It must exist with exactly these bytes.</summary>
    ValueEquals,

    /// <summary>Its integer must be at least the bound. An integer is kept as increments keep it; absent is 0, anything that is no integer fails.</summary>
    AtLeast,

    /// <summary>Its integer must be at most the bound; else as <see cref="AtLeast"/>.</summary>
    AtMost,
}

/// <summary>One check of a one-request transaction. Failing is an answer, not an error.</summary>
/// <param name="Keyspace">Keyspace; empty at a range.</param>
/// <param name="Key">The user's key; at a range the routing key.</param>
/// <param name="Kind">What it asks.</param>
/// <param name="Version">For <see cref="CheckKind.VersionEquals"/>.</param>
/// <param name="Value">For <see cref="CheckKind.ValueEquals"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.transact-check")]
public sealed record TransactCheck(
    [property: Id(0)] string Keyspace,
    [property: Id(1)] ReadOnlyMemory<byte> Key,
    [property: Id(2)] CheckKind Kind,
    [property: Id(3)] Timestamp Version,
    [property: Id(4)] ReadOnlyMemory<byte> Value)
{
    /// <summary>For <see cref="CheckKind.AtLeast"/> and <see cref="CheckKind.AtMost"/>.</summary>
    [Id(5)]
    public long Bound { get; init; }
}

/// <summary>One read of a one-request transaction: a key, or the first rows of an interval.</summary>
/// <param name="Keyspace">Keyspace; empty at a range.</param>
/// <param name="Start">The key, or the inclusive start of the interval.</param>
/// <param name="IsScan">Whether it reads an interval.</param>
/// <param name="End">Exclusive end of the interval; null for none.</param>
/// <param name="Limit">Most rows of the interval.</param>
[GenerateSerializer, Immutable, Alias("graindb.transact-read")]
public sealed record TransactRead(
    [property: Id(0)] string Keyspace,
    [property: Id(1)] ReadOnlyMemory<byte> Start,
    [property: Id(2)] bool IsScan,
    [property: Id(3)] ReadOnlyMemory<byte>? End,
    [property: Id(4)] int Limit);

/// <summary>One write of a one-request transaction.</summary>
/// <param name="Keyspace">Keyspace; empty at a range.</param>
/// <param name="Write">The write; of an increment its value is made from what is there. Without a condition: that is what checks are for.</param>
/// <param name="Increment">Adds to an integer that is kept as UTF-8 decimal text, absent being 0; null for a plain write.</param>
[GenerateSerializer, Immutable, Alias("graindb.transact-write")]
public sealed record TransactWrite([property: Id(0)] string Keyspace, [property: Id(1)] KeyWrite Write, [property: Id(2)] long? Increment);

/// <summary>A transaction in one request: checks, then reads, then writes, of one state.</summary>
[GenerateSerializer, Immutable, Alias("graindb.transact-request")]
public sealed record TransactRequest
{
    /// <summary>Isolation; null for the strictest default of the keyspaces that it touches. Checks and increments are validated up to the commit under both levels.</summary>
    [Id(0)]
    public IsolationLevel? Isolation { get; init; }

    /// <summary>All must hold, or nothing is written.</summary>
    [Id(1)]
    public IReadOnlyList<TransactCheck> Checks { get; init; } = [];

    /// <summary>What to read, of the state before the writes.</summary>
    [Id(2)]
    public IReadOnlyList<TransactRead> Reads { get; init; } = [];

    /// <summary>What to write: distinct keys.</summary>
    [Id(3)]
    public IReadOnlyList<TransactWrite> Writes { get; init; } = [];

    /// <summary>A snapshot to read; zero for now. Excludes writes.</summary>
    [Id(4)]
    public Timestamp AsOf { get; init; }

    /// <summary>
    /// Makes a repeated request one; null for none. It is stored with the writes, and its answer is made by whoever evaluates the transaction
    /// (<see cref="TransactAnswer"/>); a transaction that does not write stores nothing.
    /// </summary>
    [Id(5)]
    public IdempotencyStamp? Idempotency { get; init; }
}

/// <summary>A one-request transaction as one range's leader evaluates it: atomically, against its newest state.</summary>
/// <param name="Request">Everything in it lies in the range; keys are routing keys. What is answered, and kept with an idempotency key, has the user's keys.</param>
/// <param name="Transaction">Its id; remembered with the commit.</param>
/// <param name="Deadline">It does not commit at a timestamp above this.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-transact")]
public sealed record RangeTransact(
    [property: Id(0)] TransactRequest Request,
    [property: Id(1)] TransactionId Transaction,
    [property: Id(2)] Timestamp Deadline,
    [property: Id(3)] long Generation);

/// <summary>What one read of a one-request transaction found.</summary>
[GenerateSerializer, Immutable, Alias("graindb.transact-found")]
public sealed record TransactFound
{
    /// <summary>Of a key: whether it exists, with version, media type and value; null of an interval.</summary>
    [Id(0)]
    public ScanItem? Item { get; init; }

    /// <summary>Of an interval: its rows; null of a key.</summary>
    [Id(1)]
    public IReadOnlyList<ScanItem>? Rows { get; init; }
}

/// <summary>The result of a one-request transaction.</summary>
[GenerateSerializer, Immutable, Alias("graindb.transact-result")]
public sealed record TransactResult
{
    /// <summary>Null when it was answered: committed, or a check did not hold.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Whether all checks held; then the writes are committed and durable.</summary>
    [Id(1)]
    public bool Committed { get; init; }

    /// <summary>The version of every key written; of one without writes the snapshot that was read.</summary>
    [Id(2)]
    public Timestamp CommitTimestamp { get; init; }

    /// <summary>Indexes of the checks that did not hold.</summary>
    [Id(3)]
    public IReadOnlyList<int> FailedChecks { get; init; } = [];

    /// <summary>One per read, in order.</summary>
    [Id(4)]
    public IReadOnlyList<TransactFound> Reads { get; init; } = [];

    /// <summary>The new value per write, in order; null but for increments. Empty when not committed.</summary>
    [Id(5)]
    public IReadOnlyList<long?> Increments { get; init; } = [];

    /// <summary>
    /// The same request took effect before: this is its result. It is committed; <see cref="Reads"/> and <see cref="Increments"/> are of that time,
    /// out of the answer.
    /// </summary>
    [Id(6)]
    public IdempotencyRecord? Repeated { get; init; }

    /// <summary>The transaction.</summary>
    [Id(7)]
    public TransactionId Transaction { get; init; }

    /// <summary>A transaction that failed.</summary>
    public static TransactResult Failed(Failure failure) => new() { Failure = failure };
}

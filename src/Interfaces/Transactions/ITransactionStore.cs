using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>How far a transaction is.</summary>
public enum TransactionStatus : byte
{
    /// <summary>Takes reads and writes.</summary>
    Active,

    /// <summary>Its commit is under way.</summary>
    Preparing,

    /// <summary>Committed, for good.</summary>
    Committed,

    /// <summary>Aborted, for good: rolled back, expired, refused, or its coordinator was lost before the commit.</summary>
    Aborted,

    /// <summary>Not known now: asked again later it will be told, until the retry window after its deadline is over.</summary>
    Unknown,
}

/// <summary>What is known of a transaction.</summary>
/// <param name="Id">The transaction.</param>
/// <param name="Status">How far it is.</param>
/// <param name="CommitTimestamp">When committed: the version of every key written; else zero.</param>
/// <param name="Reason">When aborted or unknown: why, for a person; else null.</param>
[GenerateSerializer, Immutable, Alias("graindb.transaction-view")]
public sealed record TransactionView(
    [property: Id(0)] TransactionId Id,
    [property: Id(1)] TransactionStatus Status,
    [property: Id(2)] Timestamp CommitTimestamp,
    [property: Id(3)] string? Reason);

/// <summary>What a transaction is to be.</summary>
/// <param name="Isolation">Isolation; null for the strictest default of the keyspaces that it touches.</param>
/// <param name="ReadOnly">Takes no writes, never conflicts.</param>
/// <param name="AsOf">The snapshot of a read-only transaction; zero for now.</param>
/// <param name="Duration">How long it may live, 1 s to <see cref="TransactionLimits.MaxDuration"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.transaction-options")]
public sealed record TransactionOptions(
    [property: Id(0)] IsolationLevel? Isolation,
    [property: Id(1)] bool ReadOnly,
    [property: Id(2)] Timestamp AsOf,
    [property: Id(3)] TimeSpan Duration);

/// <summary>A transaction that began.</summary>
[GenerateSerializer, Immutable, Alias("graindb.transaction-begun")]
public sealed record TransactionBegun
{
    /// <summary>Null when it began.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Its id.</summary>
    [Id(1)]
    public TransactionId Id { get; init; }

    /// <summary>Its snapshot. It may move up until the first read was answered.</summary>
    [Id(2)]
    public Timestamp ReadTimestamp { get; init; }

    /// <summary>When it is rolled back at the latest.</summary>
    [Id(3)]
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>A transaction that did not begin.</summary>
    public static TransactionBegun Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>The end of a transaction.</summary>
[GenerateSerializer, Immutable, Alias("graindb.commit-result")]
public sealed record CommitResult
{
    /// <summary>Null when it is committed and durable. <see cref="Errors.ErrorCode.OutcomeUnknown"/> names the transaction, to be asked for.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The version of every key written; of a transaction without writes its snapshot.</summary>
    [Id(1)]
    public Timestamp CommitTimestamp { get; init; }

    /// <summary>Whether the same request took effect before: then this is its result.</summary>
    [Id(2)]
    public bool IsRepeated { get; init; }

    /// <summary>A commit that failed.</summary>
    public static CommitResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>
/// Transactions over any keys of strong keyspaces, as one node offers them to the API in its process. Expected failures are results. Keys are the
/// user's keys. A transaction is served by the node that began it, whichever node is asked; it is lost with that node, and what can be known of it then
/// <see cref="FindAsync"/> tells on any node.
/// </summary>
public interface ITransactionStore
{
    /// <summary>Begins an interactive transaction.</summary>
    Task<TransactionBegun> BeginAsync(TransactionOptions options, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>What is known of a transaction: by its coordinator, by its record, or by the range that committed it alone. Null: certainly nothing ever, or no more.</summary>
    Task<TransactionView?> FindAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads a key of its snapshot, or its own write.</summary>
    ValueTask<ReadResult> ReadAsync(TransactionId transaction, string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads a page of its snapshot, with its own writes.</summary>
    ValueTask<ScanResult> ScanAsync(TransactionId transaction, string keyspace, ScanQuery query, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Buffers a write until the commit; conditions are evaluated against its snapshot and own writes at once, and again by the commit. Returns why not; null when it is taken.</summary>
    ValueTask<Failure?> WriteAsync(TransactionId transaction, string keyspace, KeyWrite write, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Commits. Repeated, it gives the same answer.</summary>
    Task<CommitResult> CommitAsync(TransactionId transaction, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Rolls back; succeeds also when it is rolled back already. Returns why not; null when it is.</summary>
    Task<Failure?> RollbackAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Says that the client is still there.</summary>
    Task<TransactionBegun> KeepAliveAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Runs a transaction in one request; on conflict it is evaluated again until the time is up.</summary>
    ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken);
}

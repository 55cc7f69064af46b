using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>
/// One interactive transaction, addressed by its id as text, on the node that began it. It exists nowhere else: an activation that did not begin it, its node
/// being lost or its time over, answers everything with <see cref="Errors.ErrorCode.TransactionNotFound"/>. See <see cref="ITransactionStore"/>.
/// </summary>
[Alias("graindb.transaction")]
public interface ITransactionGrain : IGrainWithStringKey
{
    /// <summary>Begins it, on the node that calls.</summary>
    [Alias("begin")]
    Task<TransactionBegun> BeginAsync(TransactionOptions options);

    /// <summary>What it knows of itself; null when it did not begin here.</summary>
    [Alias("find")]
    Task<TransactionView?> FindAsync();

    /// <summary>Reads a key.</summary>
    [Alias("read")]
    Task<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout);

    /// <summary>Reads a page.</summary>
    [Alias("scan")]
    Task<ScanResult> ScanAsync(string keyspace, ScanQuery query, TimeSpan timeout);

    /// <summary>Buffers a write; null when it is taken.</summary>
    [Alias("write")]
    Task<Failure?> WriteAsync(string keyspace, KeyWrite write, TimeSpan timeout);

    /// <summary>Commits.</summary>
    [Alias("commit")]
    Task<CommitResult> CommitAsync(IdempotencyStamp? idempotency, TimeSpan timeout);

    /// <summary>Rolls back; null when it certainly has no effect.</summary>
    [Alias("rollback")]
    Task<Failure?> RollbackAsync(TimeSpan timeout);

    /// <summary>Says that the client is still there.</summary>
    [Alias("keep-alive")]
    Task<TransactionBegun> KeepAliveAsync();
}

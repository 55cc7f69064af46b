using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Ranges;

/// <summary>
/// The operations of one range's leader. Expected failures are results. A failure with outcome <c>NotApplied</c> is a
/// promise that nothing was or will be proposed.
/// </summary>
[Alias("graindb.key-range-operations")]
public interface IKeyRange
{
    /// <summary>Commits writes atomically; returns when they are durable on a majority of the range's replicas.</summary>
    [Alias("write")]
    ValueTask<WriteResult> WriteAsync(RangeWrite request);

    /// <summary>Reads one key; linearizable when no snapshot is named.</summary>
    [Alias("read")]
    ValueTask<ReadResult> ReadAsync(RangeRead request);

    /// <summary>Reads a page of the range at a snapshot.</summary>
    [Alias("scan")]
    ValueTask<ScanResult> ScanAsync(RangeScan request);

    /// <summary>Reads the retained versions of one key.</summary>
    [Alias("history")]
    ValueTask<HistoryResult> HistoryAsync(RangeHistory request);

    /// <summary>
    /// What was committed after a timestamp, in order, and up to where that is complete; waits for news when there are none. <c>CursorCompacted</c>:
    /// the timestamp is below the GC threshold; <c>InvalidRequest</c>: it is in the future; <c>Overloaded</c>: too many wait already.
    /// </summary>
    /// <param name="request">Which changes.</param>
    /// <param name="cancellationToken">Nobody waits for the answer any more.</param>
    [Alias("changes")]
    ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken);

    /// <summary>Prepares a part of a transaction. Idempotent by transaction.</summary>
    [Alias("prepare")]
    ValueTask<PrepareResult> PrepareAsync(RangePrepare request);

    /// <summary>Commits a transaction that touches no other range, or decides one that stands prepared in all the others. Idempotent by transaction.</summary>
    [Alias("commit")]
    ValueTask<RangeCommitResult> CommitAsync(RangeCommit request);

    /// <summary>Tells what this range, the anchor of a transaction, has decided; aborts it where it is asked to and nothing is decided. Idempotent.</summary>
    [Alias("decide")]
    ValueTask<RangeDecision> DecideAsync(RangeDecide request);

    /// <summary>Runs a one-request transaction that touches no other range. Idempotent by transaction where it writes.</summary>
    [Alias("transact")]
    ValueTask<TransactResult> TransactAsync(RangeTransact request);

    /// <summary>Carries decisions out; returns when they are durable. Idempotent; a transaction that is not prepared here needs nothing.</summary>
    /// <returns>Why not; null when all are carried out.</returns>
    [Alias("resolve")]
    ValueTask<Failure?> ResolveAsync(Resolution[] resolutions);

    /// <summary>
    /// Before its keyspace is deleted: has nothing prepared here any more, nor decided for other ranges, and waits for some seconds until what was decided for others is carried out there. Durable, idempotent, and
    /// never taken back.
    /// </summary>
    /// <returns>Why the range may not be deleted yet; null when it may.</returns>
    [Alias("close")]
    ValueTask<Failure?> CloseAsync();

    /// <summary>Whether what was read is unchanged: null when it is, else a <see cref="Errors.ErrorCode.TransactionConflict"/> that names the keys.</summary>
    [Alias("refresh")]
    ValueTask<Failure?> RefreshAsync(RangeRefresh request);
}

/// <summary>The virtual owner of a key range, addressed by its <see cref="RangeId"/>.</summary>
[Alias("graindb.key-range")]
public interface IKeyRangeGrain : IGrainWithIntegerKey, IKeyRange
{
    /// <summary>
    /// Asks the range to be led on another node: the leader finishes what it has taken, then the range is activated there.
    /// Returns when that is under way; nothing happens when it is led there already.
    /// </summary>
    /// <param name="node">A live node with a replica of the range.</param>
    [Alias("transfer-leader")]
    Task TransferLeaderAsync(string node);

    /// <summary>Makes the range have a leader, if nobody leads it; returns when somebody tries to.</summary>
    [Alias("wake"), ResponseTimeout("00:00:10")]
    Task WakeAsync();

    /// <summary>Writes a checkpoint now and returns the LSN up to which the log may go.</summary>
    [Alias("checkpoint")]
    Task<Replicas.Lsn> CheckpointAsync();

    /// <summary>Raises the GC threshold to now minus the keyspace's retention, and collects. Returns the threshold in force.</summary>
    [Alias("collect")]
    Task<Timestamp> CollectGarbageAsync();
}

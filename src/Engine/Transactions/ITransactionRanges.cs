using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What a coordinator asks of the ranges. Each call finds the leader itself, and tries again inside its time where certainly nothing was proposed; generations
/// in the requests are filled in by it. Expected failures are results, also running out of time: of a read that is not applied, of anything else
/// unknown once it was sent. Failures name routing keys.
/// </summary>
public interface ITransactionRanges
{
    /// <summary>The keyspace as this node sees it, after another look where it sees none; null when there is none.</summary>
    ValueTask<IKeyspaceRoutes?> FindKeyspaceAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Reads a routing key.</summary>
    ValueTask<ReadResult> ReadAsync(string keyspace, RangeRead request, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>
    /// Reads a page of the first range, in scan order, of an interval. <see cref="ScanResult.ResumeKey"/> is null only when nothing of the
    /// whole interval is left: behind the end of the range it is the border to the next one.
    /// </summary>
    ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan request, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>See <see cref="IKeyRange.RefreshAsync"/>.</summary>
    ValueTask<Failure?> RefreshAsync(RangeId range, RangeRefresh request, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>See <see cref="IKeyRange.CommitAsync"/>.</summary>
    ValueTask<RangeCommitResult> CommitAsync(RangeId range, RangeCommit request, TimeSpan timeout);

    /// <summary>See <see cref="IKeyRange.DecideAsync"/>. A range that is gone for good, with its keyspace, has settled what it committed: it decides to abort whatever else it is asked for.</summary>
    ValueTask<RangeDecision> DecideAsync(RangeId range, RangeDecide request, TimeSpan timeout);

    /// <summary>See <see cref="IKeyRange.PrepareAsync"/>.</summary>
    ValueTask<PrepareResult> PrepareAsync(RangeId range, RangePrepare request, TimeSpan timeout);
}

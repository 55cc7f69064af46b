using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Hosting;

/// <summary>A range that nobody is expected to ask: what a test asks nevertheless, its own kind of range answers.</summary>
internal abstract class SilentRange : IKeyRangeGrain
{
    public virtual ValueTask<WriteResult> WriteAsync(RangeWrite request) => throw Unexpected();

    public virtual ValueTask<ReadResult> ReadAsync(RangeRead request) => throw Unexpected();

    public virtual ValueTask<ScanResult> ScanAsync(RangeScan request) => throw Unexpected();

    public virtual ValueTask<HistoryResult> HistoryAsync(RangeHistory request) => throw Unexpected();

    public virtual ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken) => throw Unexpected();

    public virtual ValueTask<PrepareResult> PrepareAsync(RangePrepare request) => throw Unexpected();

    public virtual ValueTask<RangeCommitResult> CommitAsync(RangeCommit request) => throw Unexpected();

    public virtual ValueTask<RangeDecision> DecideAsync(RangeDecide request) => throw Unexpected();

    public virtual ValueTask<Failure?> CloseAsync() => throw Unexpected();

    public virtual ValueTask<TransactResult> TransactAsync(RangeTransact request) => throw Unexpected();

    public virtual ValueTask<Failure?> ResolveAsync(Resolution[] resolutions) => throw Unexpected();

    public virtual ValueTask<Failure?> RefreshAsync(RangeRefresh request) => throw Unexpected();

    public virtual Task TransferLeaderAsync(string node) => throw Unexpected();

    public virtual Task WakeAsync() => throw Unexpected();

    public virtual Task<Lsn> CheckpointAsync() => throw Unexpected();

    public virtual Task<Timestamp> CollectGarbageAsync() => throw Unexpected();

    private static InvalidOperationException Unexpected() => new("nobody was expected to ask this");
}

using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// One replica's voice, pinned to its node: hands every message to the node's <see cref="ReplicaAcceptor"/>, whose disk work runs in the turn
/// (measured: a hop to another thread costs more than the flush).
/// </summary>
[RingPlacement]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[GrainType(GrainTypes.Replica)]
[Reentrant]
[KeepAlive]
[Immovable]
internal sealed class ReplicaGrain(NodeOptions node, ReplicaHost host, AcceptorCalls calls, MetaCache meta) : Grain, IReplicaGrain
{
    private RangeId _range;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = ReplicaKey.Parse(this.GetPrimaryKeyString());
        _range = key.Range;
        return key.Node == node.Name ? Task.CompletedTask : throw new PlacementUnavailableException($"this is node {node.Name}, not {key.Node}");
    }

    public async Task<PromiseAnswer> PromiseAsync(PromiseRequest request)
    {
        var (acceptor, isLost) = await host.FindAsync(_range, request.Replica, byLeader: false);
        return acceptor is null
            ? new PromiseAnswer { Outcome = isLost ? PromiseOutcome.UnknownReplica : PromiseOutcome.Recovering }
            : calls.Guarded(_range, acceptor, () => acceptor.Promise(request), () => new PromiseAnswer { Outcome = PromiseOutcome.Recovering });
    }

    public Task<AppendAnswer> AppendAsync(AppendRequest request) => calls.AppendAsync(_range, request).AsTask();

    public async Task<FetchAnswer> FetchAsync(FetchRequest request)
    {
        var (acceptor, _) = await host.FindAsync(_range, request.Replica, byLeader: false);
        return acceptor is null
            ? new FetchAnswer { IsServed = false }
            : calls.Guarded(_range, acceptor, () => acceptor.Fetch(request), () => new FetchAnswer { IsServed = false });
    }

    public async Task<SnapshotAnswer> ReceiveSnapshotAsync(SnapshotChunk chunk)
    {
        var (acceptor, isLost) = await host.FindAsync(_range, chunk.Replica, byLeader: true);
        return acceptor is null
            ? new SnapshotAnswer(isLost ? AppendOutcome.UnknownReplica : AppendOutcome.Unable, 0, Epoch.Zero)
            : calls.Guarded(_range, acceptor, () => acceptor.ReceiveSnapshot(chunk), () => new SnapshotAnswer(AppendOutcome.Unable, 0, Epoch.Zero));
    }

    public async Task ReleaseAsync(ReleaseNotice notice)
    {
        var (acceptor, _) = await host.FindAsync(_range, notice.Replica, byLeader: false);
        acceptor?.Release(notice);
    }

    public async ValueTask<ReadResult> ReadAsync(RangeRead request)
    {
        var (reader, failure) = await FindReaderAsync();
        return reader is null ? ReadResult.Failed(failure!) : reader.Read(request);
    }

    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        var (reader, failure) = await FindReaderAsync();
        return reader is null ? ScanResult.Failed(failure!) : await reader.ScanAsync(request);
    }

    private async ValueTask<(FollowerReader? Reader, Failure? Failure)> FindReaderAsync()
    {
        if (await host.FindAsync(_range) is not { } acceptor)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} has no usable replica of range {_range}"));
        if (meta.Find(_range) is not { } descriptor)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} does not know range {_range} yet"));
        var partitioning = meta.Current?.FindKeyspace(descriptor.Keyspace)?.Keyspace.Partitioning ?? KeyspacePartitioning.Range;
        return (new FollowerReader(acceptor, descriptor, partitioning, node.Name, node.Region), null);
    }
}

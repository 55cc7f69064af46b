using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
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
/// (measured: a hop to another thread costs more than the flush). What it cannot answer truthfully it does not answer.
/// </summary>
[RingPlacement]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[GrainType(GrainTypes.Replica)]
[Reentrant]
[KeepAlive]
[Immovable]
internal sealed class ReplicaGrain(NodeOptions node, ReplicaHost host, MetaCache meta) : Grain, IReplicaGrain
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
            : Guarded(acceptor, () => acceptor.Promise(request), () => new PromiseAnswer { Outcome = PromiseOutcome.Recovering });
    }

    public async Task<AppendAnswer> AppendAsync(AppendRequest request)
    {
        var (acceptor, isLost) = await host.FindAsync(_range, request.Replica, byLeader: true);
        if (acceptor is null)
            return new AppendAnswer { Outcome = isLost ? AppendOutcome.UnknownReplica : AppendOutcome.Unable };
        var answer = Guarded(acceptor, () => acceptor.Append(request), () => new AppendAnswer { Outcome = AppendOutcome.Unable });
        if (acceptor.HasUnapplied)
            ApplyAsync(acceptor).Ignore();
        return answer;
    }

    public async Task<FetchAnswer> FetchAsync(FetchRequest request)
    {
        var (acceptor, _) = await host.FindAsync(_range, request.Replica, byLeader: false);
        return acceptor is null
            ? new FetchAnswer { IsServed = false }
            : Guarded(acceptor, () => acceptor.Fetch(request), () => new FetchAnswer { IsServed = false });
    }

    public async Task<SnapshotAnswer> ReceiveSnapshotAsync(SnapshotChunk chunk)
    {
        var (acceptor, isLost) = await host.FindAsync(_range, chunk.Replica, byLeader: true);
        return acceptor is null
            ? new SnapshotAnswer(isLost ? AppendOutcome.UnknownReplica : AppendOutcome.Unable, 0, Epoch.Zero)
            : Guarded(acceptor, () => acceptor.ReceiveSnapshot(chunk), () => new SnapshotAnswer(AppendOutcome.Unable, 0, Epoch.Zero));
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

    /// <summary>In a turn of its own, behind the one that sends the answer.</summary>
    private async Task ApplyAsync(ReplicaAcceptor acceptor)
    {
        await Task.Yield();
        Guarded<object?>(acceptor, () => { acceptor.ApplyCommitted(); return null; }, () => null);
    }

    /// <summary>A disk that failed, or records that contradict what is committed, break the replica, loudly.</summary>
    private T Guarded<T>(ReplicaAcceptor acceptor, Func<T> work, Func<T> otherwise)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is WalBrokenException or WalCorruptionException or InvalidDataException)
        {
            host.MarkBroken(_range, acceptor.Id, exception.Message, mayRebuild: exception is not InvalidDataException);
            return otherwise();
        }
        catch (Exception exception) when (exception is ObjectDisposedException or IOException or LogTruncatedException or LogReplacedException)
        {
            return otherwise(); // it was just closed, or cannot write now: the next call finds it opened again
        }
    }
}

using GrainDb.Engine.Ranges;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// The virtual owner of a range: stands for leadership on the node's replica, and hands every call to the <see cref="RangeLeader"/>.
/// Stays until it is deposed or the range is idle (maintenance decides, since callers on the node do not come through here).
/// </summary>
[RingPlacement]
[GrainType(GrainTypes.Range)]
[Reentrant]
[KeepAlive]
[Immovable]
internal sealed class KeyRangeGrain(NodeOptions node, ReplicaHost host, GarbageCollection garbage, MetaCache meta, LiveNodes live) : Grain, IKeyRangeGrain
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Before the range is tried on another node: long enough that nodes of which none can lead do not keep each other busy.</summary>
    private static readonly TimeSpan MoveAfter = TimeSpan.FromMilliseconds(100);

    private RangeLeader? _leader;
    private Failure? _failure;

    private RangeId Range => new(this.GetPrimaryKeyLong());

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var descriptor = meta.Find(Range) ?? (await meta.RefreshAsync(cancellationToken)).FindRange(Range);
        if (descriptor is null || descriptor.On(node.Name) is null)
            throw new PlacementUnavailableException($"range {Range} has no replica on node {node.Name}");
        string? better = null;
        if (Range == RangeId.Meta)
            (_leader, _failure, better) = await host.LeadAsync(descriptor, KeyspacePartitioning.Range, GrainContext);
        else if (meta.Current?.FindActive(descriptor.Keyspace) is { } map)
            (_leader, _failure, better) = await host.LeadAsync(descriptor, map.Keyspace.Partitioning, GrainContext);
        else
            _failure = Failure.NotApplied(ErrorCode.RangeMoved, $"keyspace '{descriptor.Keyspace}' is not active");

        // Loading took longer than the runtime waits: it has given this activation up.
        if (_leader is not null && cancellationToken.IsCancellationRequested)
            await host.ReleaseAsync(_leader);

        // A range that cannot be led here answers why, without trying again at every call; then another node has its turn.
        if (_leader is null)
        {
            var next = _failure!.Code == ErrorCode.RangeMoved ? null : (better is null ? null : live.Find(better)) ?? NextNode(descriptor);
            this.RegisterGrainTimer(_ => { Leave(next); return Task.CompletedTask; }, next is null ? RetryAfter : MoveAfter, Timeout.InfiniteTimeSpan);
        }
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        _leader is null ? Task.CompletedTask : host.ReleaseAsync(_leader);

    public async ValueTask<WriteResult> WriteAsync(RangeWrite request) =>
        _leader is null ? WriteResult.Failed(_failure!) : Watch(await _leader.WriteAsync(request), result => result.Failure);

    public async ValueTask<ReadResult> ReadAsync(RangeRead request) =>
        _leader is null ? ReadResult.Failed(_failure!) : Watch(await _leader.ReadAsync(request), result => result.Failure);

    public async ValueTask<ScanResult> ScanAsync(RangeScan request) =>
        _leader is null ? ScanResult.Failed(_failure!) : Watch(await _leader.ScanAsync(request), result => result.Failure);

    public async ValueTask<HistoryResult> HistoryAsync(RangeHistory request) =>
        _leader is null ? HistoryResult.Failed(_failure!) : Watch(await _leader.HistoryAsync(request), result => result.Failure);

    public Task TransferLeaderAsync(string target)
    {
        if (target == node.Name)
            return Task.CompletedTask;
        var silo = live.Find(target) ?? throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"node {target} is down"));

        // Deactivation ends the leadership first; only then is the range activated there.
        RequestContext.Set(IPlacementDirector.PlacementHintKey, silo);
        this.MigrateOnIdle();
        return Task.CompletedTask;
    }

    public Task WakeAsync() => Task.CompletedTask;

    public async Task<Lsn> CheckpointAsync()
    {
        var leader = _leader ?? throw new GrainDbException(_failure!);
        return await host.CheckpointAsync(Range) ?? leader.Replica.AppliedLsn;
    }

    public Task<Timestamp> CollectGarbageAsync() =>
        garbage.CollectAsync(_leader ?? throw new GrainDbException(_failure!));

    /// <summary>The live node that comes after this one in the range's order, around its end; null when there is no other.</summary>
    private SiloAddress? NextNode(RangeDescriptor descriptor)
    {
        var nodes = descriptor.Nodes.ToList();
        var own = nodes.IndexOf(node.Name);
        return Enumerable.Range(1, nodes.Count - 1).Select(step => live.Find(nodes[(own + step) % nodes.Count])).FirstOrDefault(silo => silo is not null);
    }

    private void Leave(SiloAddress? next)
    {
        if (next is null)
            DeactivateOnIdle();
        else
            GrainContext.Migrate(new Dictionary<string, object> { [IPlacementDirector.PlacementHintKey] = next });
    }

    /// <summary>A leader whose leadership another activation on this node ended makes room.</summary>
    private TResult Watch<TResult>(TResult result, Func<TResult, Failure?> failureOf)
    {
        if (failureOf(result) is { Code: ErrorCode.RangeMoved } && _leader!.IsStopped)
            DeactivateOnIdle();
        return result;
    }
}

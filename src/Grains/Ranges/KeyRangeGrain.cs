using GrainDb.Engine.Ranges;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;
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
internal sealed class KeyRangeGrain(
    NodeOptions node, ReplicaHost host, Candidacy candidacy, LeaderRoutes routes, GarbageCollection garbage, LiveNodes live) : Grain, IKeyRangeGrain
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Before the range is tried on another node: long enough that nodes of which none can lead do not keep each other busy.</summary>
    private static readonly TimeSpan MoveAfter = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a call waits for an election that is under way; then its caller, who knows its deadline, decides what to do.</summary>
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromMilliseconds(500);

    private Task _standing = Task.CompletedTask;
    private RangeLeader? _leader;
    private Failure? _failure;
    private string? _better;

    private RangeId Range => new(this.GetPrimaryKeyLong());

    /// <summary>Activation does not wait for the election: calls that queue behind it could not be told that nothing was proposed.</summary>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _standing = StandAsync();
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        host.AbortLeading(Range, GrainContext);
        await _standing;
        if (_leader is not null)
            await host.ReleaseAsync(_leader, GrainContext);
    }

    public async ValueTask<WriteResult> WriteAsync(RangeWrite request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.WriteAsync(request), result => result.Failure)
        : WriteResult.Failed(WhyNoLeader());

    public async ValueTask<ReadResult> ReadAsync(RangeRead request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.ReadAsync(request), result => result.Failure)
        : ReadResult.Failed(WhyNoLeader());

    public async ValueTask<ScanResult> ScanAsync(RangeScan request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.ScanAsync(request), result => result.Failure)
        : ScanResult.Failed(WhyNoLeader());

    public async ValueTask<HistoryResult> HistoryAsync(RangeHistory request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.HistoryAsync(request), result => result.Failure)
        : HistoryResult.Failed(WhyNoLeader());

    public async ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.ChangesAsync(request, cancellationToken), result => result.Failure)
        : RangeChangesResult.Failed(WhyNoLeader());

    public async ValueTask<PrepareResult> PrepareAsync(RangePrepare request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.PrepareAsync(request), result => result.Failure)
        : PrepareResult.Failed(WhyNoLeader());

    public async ValueTask<RangeCommitResult> CommitAsync(RangeCommit request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.CommitAsync(request), result => result.Failure)
        : RangeCommitResult.Failed(WhyNoLeader());

    public async ValueTask<TransactResult> TransactAsync(RangeTransact request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.TransactAsync(request), result => result.Failure)
        : TransactResult.Failed(WhyNoLeader());

    public async ValueTask<Failure?> ResolveAsync(Resolution[] resolutions) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.ResolveAsync(resolutions), failure => failure)
        : WhyNoLeader();

    public async ValueTask<RangeDecision> DecideAsync(RangeDecide request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.DecideAsync(request), result => result.Failure)
        : RangeDecision.Failed(WhyNoLeader());

    public async ValueTask<Failure?> CloseAsync() => await FindLeaderAsync() is { } leader
        ? Watch(await leader.CloseAsync(), failure => failure)
        : WhyNoLeader();

    public async ValueTask<Failure?> RefreshAsync(RangeRefresh request) => await FindLeaderAsync() is { } leader
        ? Watch(await leader.RefreshAsync(request), failure => failure)
        : WhyNoLeader();

    public async Task TransferLeaderAsync(string target)
    {
        if (live.Find(target) is null)
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"node {target} is down"));
        if (await FindLeaderAsync() is not null)
            await routes.On(Range, node.Name).HandOverAsync(target);
        else if (_better is { } leading && leading != target)
            await routes.On(Range, leading).HandOverAsync(target);
        else
            await routes.On(Range, target).StandAsync();
    }

    public Task WakeAsync() => Task.CompletedTask;

    public async Task<Lsn> CheckpointAsync()
    {
        if (await FindLeaderAsync() is null)
            throw new GrainDbException(WhyNoLeader());
        return await host.CheckpointAsync(Range)
            ?? throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"no checkpoint of range {Range} was written; the node's log says why"));
    }

    public async Task<Timestamp> CollectGarbageAsync() =>
        await garbage.CollectAsync(await FindLeaderAsync() ?? throw new GrainDbException(WhyNoLeader()));

    private async ValueTask<RangeLeader?> FindLeaderAsync()
    {
        if (_leader is null && !_standing.IsCompleted)
            await _standing.WaitAsync(ElectionPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return _leader;
    }

    private Failure WhyNoLeader() => _failure ?? Failure.NotApplied(ErrorCode.Unavailable, $"range {Range} is electing its leader");

    /// <summary>Stands for leadership; where that fails, the range moves on after a moment in which callers learn why.</summary>
    private async Task StandAsync()
    {
        var result = await candidacy.StandAsync(Range, GrainContext);
        (_leader, _failure, _better) = (result.Leader, result.Failure, result.Better);
        if (_leader is not null)
            return;
        var next = result.Descriptor is { } descriptor ? (_better is null ? null : live.Find(_better)) ?? NextNode(descriptor) : null;
        this.RegisterGrainTimer(_ => { Leave(next); return Task.CompletedTask; }, next is null ? RetryAfter : MoveAfter, Timeout.InfiniteTimeSpan);
    }

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

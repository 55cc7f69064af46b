using GrainDb.Engine.Ranges;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace GrainDb.Grains.Ranges;

/// <summary>A node's leader of a range, pinned to the node. Calls that find an attempt under way wait for its end, for a moment.</summary>
[RingPlacement]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[GrainType(GrainTypes.Leader)]
[Reentrant]
[KeepAlive]
[Immovable]
internal sealed class RangeLeaderGrain(NodeOptions node, LocalRanges local, ReplicaHost host, Candidacy candidacy, LeaderHandover handover) : Grain, IRangeLeaderGrain
{
    /// <summary>How long a call waits for an attempt that is under way; then its caller, who knows its deadline, decides what to do.</summary>
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromMilliseconds(500);

    private RangeId _range;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = ReplicaKey.Parse(this.GetPrimaryKeyString());
        _range = key.Range;
        return key.Node == node.Name ? Task.CompletedTask : throw new PlacementUnavailableException($"this is node {node.Name}, not {key.Node}");
    }

    public ValueTask<WriteResult> WriteAsync(RangeWrite request) => AskAsync(request, static (leader, asked) => leader.WriteAsync(asked), WriteResult.Failed);

    public ValueTask<ReadResult> ReadAsync(RangeRead request) => AskAsync(request, static (leader, asked) => leader.ReadAsync(asked), ReadResult.Failed);

    public ValueTask<ScanResult> ScanAsync(RangeScan request) => AskAsync(request, static (leader, asked) => leader.ScanAsync(asked), ScanResult.Failed);

    public ValueTask<HistoryResult> HistoryAsync(RangeHistory request) => AskAsync(request, static (leader, asked) => leader.HistoryAsync(asked), HistoryResult.Failed);

    public ValueTask<RangeChangesResult> ChangesAsync(RangeChanges request, CancellationToken cancellationToken) =>
        AskAsync(request, (leader, asked) => leader.ChangesAsync(asked, cancellationToken), RangeChangesResult.Failed);

    public ValueTask<PrepareResult> PrepareAsync(RangePrepare request) => AskAsync(request, static (leader, asked) => leader.PrepareAsync(asked), PrepareResult.Failed);

    public ValueTask<RangeCommitResult> CommitAsync(RangeCommit request) => AskAsync(request, static (leader, asked) => leader.CommitAsync(asked), RangeCommitResult.Failed);

    public ValueTask<TransactResult> TransactAsync(RangeTransact request) => AskAsync(request, static (leader, asked) => leader.TransactAsync(asked), TransactResult.Failed);

    public ValueTask<Failure?> ResolveAsync(Resolution[] resolutions) => AskAsync<Resolution[], Failure?>(resolutions, static (leader, asked) => leader.ResolveAsync(asked), failure => failure);

    public ValueTask<RangeDecision> DecideAsync(RangeDecide request) => AskAsync(request, static (leader, asked) => leader.DecideAsync(asked), RangeDecision.Failed);

    public ValueTask<Failure?> CloseAsync() => AskAsync<object?, Failure?>(null, static (leader, _) => leader.CloseAsync(), failure => failure);

    public ValueTask<Failure?> RefreshAsync(RangeRefresh request) => AskAsync<RangeRefresh, Failure?>(request, static (leader, asked) => leader.RefreshAsync(asked), failure => failure);

    public async Task<bool> StandAsync() => local.Find(_range) is not null || (await candidacy.StandAsync(_range, activation: null)).Leader is not null;

    public async Task HandOverAsync(string heir)
    {
        if (local.Find(_range) is { } leader && heir != node.Name && await handover.TransferAsync(leader, heir, CancellationToken.None))
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"node {heir} has not caught up with range {_range} yet; leadership goes there when it has"));
    }

    private ValueTask<TResult> AskAsync<TRequest, TResult>(TRequest request, Func<RangeLeader, TRequest, ValueTask<TResult>> ask, Func<Failure, TResult> failed) =>
        local.Find(_range) is { } leader ? ask(leader, request) : AskLaterAsync(request, ask, failed);

    private async ValueTask<TResult> AskLaterAsync<TRequest, TResult>(TRequest request, Func<RangeLeader, TRequest, ValueTask<TResult>> ask, Func<Failure, TResult> failed)
    {
        await host.AttemptEndedAsync(_range, ElectionPatience);
        return local.Find(_range) is { } leader
            ? await ask(leader, request)
            : failed(Failure.NotApplied(ErrorCode.RangeMoved, $"range {_range} is not led on node {node.Name}"));
    }
}

using System.Collections.Concurrent;
using GrainDb.Engine.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Eventual;

/// <summary>Messages between eventual replicas as grain calls, in process where the replica is this node's. Whatever keeps one from being answered is silence.</summary>
internal sealed class EventualTransport(NodeOptions node, EventualAnswers answers, NodeHints hints, IGrainFactory grains, LiveNodes live, EventualOptions options) : IEventualTransport
{
    /// <summary>Making a reference to a grain costs as much as a short call. One for each replica that was ever called and is not <see cref="ForgetAll">forgotten</see>.</summary>
    private readonly ConcurrentDictionary<(RangeId Partition, string Node), IEventualReplicaGrain> _voices = new();

    private readonly ConcurrentDictionary<(RangeId Partition, string Node), MergeLane> _lanes = new();
    private readonly ConcurrentDictionary<string, MergeRoom> _rooms = new(StringComparer.Ordinal);

    public bool IsReachable(string node) => live.Find(node) is not null;

    public Task<MergeAnswer?> MergeAsync(RangeId partition, ReplicaDescriptor to, MergeRequest request) =>
        to.Node == node.Name ? MergeNowAsync(partition, to.Node, request)
        : (_lanes.TryGetValue((partition, to.Node), out var lane) ? lane : LaneTo(partition, to.Node)).SendAsync(request);

    public Task<StateAnswer?> ReadAsync(RangeId partition, ReplicaDescriptor to, StateRequest request) =>
        CallAsync(partition, to.Node, () => answers.ReadAsync(partition, request), grain => grain.ReadAsync(request));

    public Task<ExchangeAnswer?> OpenExchangeAsync(RangeId partition, ReplicaDescriptor to, ExchangeRequest request) =>
        CallAsync(partition, to.Node, () => answers.OpenExchangeAsync(partition, request), grain => grain.OpenExchangeAsync(request));

    public Task<TreeAnswer?> GetTreeAsync(RangeId partition, ReplicaDescriptor to, TreeRequest request) =>
        CallAsync(partition, to.Node, () => answers.GetTreeAsync(partition, request), grain => grain.GetTreeAsync(request));

    public Task<LeafAnswer?> GetLeafAsync(RangeId partition, ReplicaDescriptor to, LeafRequest request) =>
        CallAsync(partition, to.Node, () => answers.GetLeafAsync(partition, request), grain => grain.GetLeafAsync(request));

    public Task<StatesAnswer?> GetStatesAsync(RangeId partition, ReplicaDescriptor to, StatesRequest request) =>
        CallAsync(partition, to.Node, () => answers.GetStatesAsync(partition, request), grain => grain.GetStatesAsync(request));

    public Task<RoundAnswer?> StepAsync(RangeId partition, ReplicaDescriptor to, RoundRequest request) =>
        CallAsync(partition, to.Node, () => answers.StepAsync(partition, request), grain => grain.StepAsync(request));

    public Task<RequestAnswer?> FindRequestAsync(RangeId partition, ReplicaDescriptor to, RequestQuery query) =>
        CallAsync(partition, to.Node, () => answers.FindRequestAsync(partition, query), grain => grain.FindRequestAsync(query));

    public async Task<bool?> MarkForRepairAsync(RangeId partition, ReplicaDescriptor to) =>
        (await CallAsync<object>(
            partition, to.Node, async () => await answers.MarkForRepairAsync(partition, to.Id), async grain => await grain.MarkForRepairAsync(to.Id))) as bool?;

    public Task<HintAnswer?> StoreHintAsync(string node, Hint hint) => CallNodeAsync(node, () => hints.StoreAsync(hint), grain => grain.StoreHintAsync(hint));

    public Task<CloseHintsAnswer?> CloseHintsAsync(string node, CloseHintsRequest request) =>
        CallNodeAsync(node, () => hints.CloseAsync(request), grain => grain.CloseHintsAsync(request));

    /// <summary>The replica's voice on a node.</summary>
    public IEventualReplicaGrain On(RangeId partition, string name) =>
        _voices.TryGetValue((partition, name), out var voice) ? voice : _voices[(partition, name)] = grains.GetGrain<IEventualReplicaGrain>(new ReplicaKey(partition, name).ToString());

    /// <summary>Keeps nothing of partitions that are gone. What is on its way to one of them goes on.</summary>
    public void ForgetAll(Func<RangeId, bool> isGone)
    {
        foreach (var to in _voices.Keys.Where(to => isGone(to.Partition)))
            _voices.TryRemove(to, out _);
        foreach (var to in _lanes.Keys.Where(to => isGone(to.Partition)))
            _lanes.TryRemove(to, out _);
    }

    private MergeLane LaneTo(RangeId partition, string to) => _lanes.GetOrAdd(
        (partition, to),
        _ => new MergeLane(
            request => MergeNowAsync(partition, to, request), EventualHost.OnThreadPool, _rooms.GetOrAdd(to, _ => new MergeRoom(options.MaxWaitingBytes)), options.MaxBatchBytes));

    private Task<MergeAnswer?> MergeNowAsync(RangeId partition, string to, MergeRequest request) =>
        CallAsync(partition, to, () => answers.MergeAsync(partition, request), grain => grain.MergeAsync(request));

    private Task<T?> CallAsync<T>(RangeId partition, string to, Func<Task<T>> here, Func<IEventualReplicaGrain, Task<T>> there)
        where T : class => AnsweredAsync(to, here, () => there(On(partition, to)));

    private Task<T?> CallNodeAsync<T>(string to, Func<Task<T>> here, Func<INodeGrain, Task<T>> there)
        where T : class => AnsweredAsync(to, here, () => there(grains.GetGrain<INodeGrain>(to)));

    private async Task<T?> AnsweredAsync<T>(string to, Func<Task<T>> here, Func<Task<T>> there)
        where T : class
    {
        try
        {
            return to == node.Name ? await here() : live.Find(to) is null ? null : await there();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return null;
        }
    }
}

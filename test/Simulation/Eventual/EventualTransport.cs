using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>The other replicas and nodes as the machines on one node reach them: through the simulated network.</summary>
internal sealed class EventualTransport(EventualCluster cluster, SimulatedProcess process, Action<Action> schedule) : IEventualTransport
{
    private const int Room = 4096;
    private const int MaxBatchBytes = 512;

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);

    private readonly Dictionary<ReplicaDescriptor, MergeLane> _lanes = [];
    private readonly Dictionary<string, MergeRoom> _rooms = [];

    public bool IsReachable(string node) => cluster.Node(node).IsUp;

    public Task<MergeAnswer?> MergeAsync(RangeId partition, ReplicaDescriptor to, MergeRequest request)
    {
        if (!_lanes.TryGetValue(to, out var lane))
            _lanes.Add(to, lane = LaneTo(to));
        return lane.SendAsync(request);
    }

    public Task<StateAnswer?> ReadAsync(RangeId partition, ReplicaDescriptor to, StateRequest request) =>
        CallAsync(to, request, replica => Task.FromResult(replica.Read(request)), new StateAnswer(EventualOutcome.UnknownReplica, default, 0, NeedsRepair: false));

    public Task<ExchangeAnswer?> OpenExchangeAsync(RangeId partition, ReplicaDescriptor to, ExchangeRequest request) =>
        CallAsync(to, request, replica => replica.OpenExchangeAsync(request), new ExchangeAnswer(EventualOutcome.UnknownReplica, 0, 0, NeedsRepair: false));

    public Task<TreeAnswer?> GetTreeAsync(RangeId partition, ReplicaDescriptor to, TreeRequest request) =>
        CallAsync(to, request, replica => Task.FromResult(replica.GetTree(request)), new TreeAnswer(EventualOutcome.UnknownReplica, []));

    public Task<LeafAnswer?> GetLeafAsync(RangeId partition, ReplicaDescriptor to, LeafRequest request) =>
        CallAsync(to, request, replica => Task.FromResult(replica.GetLeaf(request)), new LeafAnswer(EventualOutcome.UnknownReplica, [], IsLast: true));

    public Task<StatesAnswer?> GetStatesAsync(RangeId partition, ReplicaDescriptor to, StatesRequest request) =>
        CallAsync(to, request, replica => Task.FromResult(replica.GetStates(request)), new StatesAnswer(EventualOutcome.UnknownReplica, 0, []));

    public Task<RoundAnswer?> StepAsync(RangeId partition, ReplicaDescriptor to, RoundRequest request) =>
        CallAsync(to, request, replica => replica.StepAsync(request), new RoundAnswer(EventualOutcome.UnknownReplica, 0, 0, IsComplete: false));

    public Task<RequestAnswer?> FindRequestAsync(RangeId partition, ReplicaDescriptor to, RequestQuery query) =>
        CallAsync(to, query, replica => Task.FromResult(replica.FindRequest(query)), new RequestAnswer(EventualOutcome.UnknownReplica, null));

    public async Task<bool?> MarkForRepairAsync(RangeId partition, ReplicaDescriptor to) =>
        await CallAsync(to, "mark for repair", async replica => await replica.MarkForRepairAsync() ? "noted" : "not noted", "unknown") == "noted";

    public Task<HintAnswer?> StoreHintAsync(string node, Hint hint) =>
        cluster.Network.CallAsync(process, node, Describe(hint), () => new ValueTask<HintAnswer>(cluster.Node(node).Hints!.StoreAsync(hint)), Patience, mayRepeat: true);

    public Task<CloseHintsAnswer?> CloseHintsAsync(string node, CloseHintsRequest request) =>
        cluster.Network.CallAsync(process, node, Describe(request), () => new ValueTask<CloseHintsAnswer>(cluster.Node(node).Hints!.CloseAsync(request)), Patience, mayRepeat: true);

    private MergeLane LaneTo(ReplicaDescriptor to)
    {
        if (!_rooms.TryGetValue(to.Node, out var room))
            _rooms.Add(to.Node, room = new MergeRoom(Room));
        return new(request => CallAsync(to, request, replica => replica.MergeAsync(request), new MergeAnswer(EventualOutcome.UnknownReplica, "")), schedule, room, MaxBatchBytes);
    }

    private Task<TAnswer?> CallAsync<TAnswer>(ReplicaDescriptor to, object request, Func<EventualReplica, Task<TAnswer>> call, TAnswer unknown)
        where TAnswer : class =>
        cluster.Network.CallAsync(
            process,
            to.Node,
            Describe(request),
            () => cluster.Node(to.Node).Find(to.Id) is { } replica ? new ValueTask<TAnswer>(call(replica)) : new ValueTask<TAnswer>(unknown),
            Patience,
            mayRepeat: true);

    private string Describe(object request) => cluster.World.Trace.IsOn ? $"{request}" : "";
}

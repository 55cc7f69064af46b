using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace GrainDb.Grains.Eventual;

/// <summary>One eventual replica's voice, pinned to its node: hands every message to the node's replica, whose flushes run on other threads.</summary>
[RingPlacement]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[GrainType(GrainTypes.EventualReplica)]
[Reentrant]
[Immovable]
internal sealed class EventualReplicaGrain(NodeOptions node, EventualAnswers answers, EventualCoordinator coordinator, EventualHost host, EventualCare care) : Grain, IEventualReplicaGrain
{
    private RangeId _partition;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = ReplicaKey.Parse(this.GetPrimaryKeyString());
        _partition = key.Range;
        return key.Node == node.Name ? Task.CompletedTask : throw new PlacementUnavailableException($"this is node {node.Name}, not {key.Node}");
    }

    public Task<EventualWriteResult> CoordinateAsync(CoordinateWrite request) => coordinator.WriteAsync(_partition, request);

    public Task<EventualReadResult> CoordinateAsync(CoordinateRead request) => coordinator.ReadAsync(_partition, request);

    public Task<MergeAnswer> MergeAsync(MergeRequest request) => answers.MergeAsync(_partition, request);

    public Task<StateAnswer> ReadAsync(StateRequest request) => answers.ReadAsync(_partition, request);

    public Task<ExchangeAnswer> OpenExchangeAsync(ExchangeRequest request) => answers.OpenExchangeAsync(_partition, request);

    public Task<TreeAnswer> GetTreeAsync(TreeRequest request) => answers.GetTreeAsync(_partition, request);

    public Task<LeafAnswer> GetLeafAsync(LeafRequest request) => answers.GetLeafAsync(_partition, request);

    public Task<StatesAnswer> GetStatesAsync(StatesRequest request) => answers.GetStatesAsync(_partition, request);

    public Task<RoundAnswer> StepAsync(RoundRequest request) => answers.StepAsync(_partition, request);

    public Task<RequestAnswer> FindRequestAsync(RequestQuery query) => answers.FindRequestAsync(_partition, query);

    public Task<bool> MarkForRepairAsync(Guid replica) => answers.MarkForRepairAsync(_partition, replica);

    public Task<bool?> DismissAsync(ReadOnlyMemory<byte> key, Dot winner) => answers.DismissAsync(_partition, key, winner);

    public Task<bool> CompareAsync() => Task.FromResult(care.Request(_partition));

    public async Task CheckpointAsync()
    {
        if (!await host.CheckpointAsync(_partition))
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"no checkpoint of partition {_partition} was written; the node's log says why"));
    }
}

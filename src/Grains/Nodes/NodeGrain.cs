using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using Orleans.Concurrency;
using Orleans.Placement;

namespace GrainDb.Grains.Nodes;

/// <summary>The node's administrative voice, pinned to it.</summary>
[RingPlacement]
[GrainType(GrainTypes.Node)]
[Reentrant]
[Immovable]
internal sealed class NodeGrain(NodeOptions node, NodeStorage storage) : Grain, INodeGrain
{
    public override Task OnActivateAsync(CancellationToken cancellationToken) =>
        this.GetPrimaryKeyString() == node.Name
            ? Task.CompletedTask
            : throw new PlacementUnavailableException($"this is node {node.Name}, not {this.GetPrimaryKeyString()}");

    public Task CreateReplicasAsync(RangeId[] ranges) => Task.Run(() => storage.CreateReplicas(ranges));

    public Task RetireReplicasAsync(RangeId[] ranges) => Task.WhenAll(ranges.Select(storage.RetireAsync));

    public Task<NodeReport> ReportAsync() => Task.FromResult(storage.Report());
}

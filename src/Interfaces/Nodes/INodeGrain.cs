using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Nodes;

/// <summary>
/// One node, addressed by its stable name and pinned to it: when the node is down a call fails, it is never activated elsewhere.
/// </summary>
[Alias("graindb.node")]
public interface INodeGrain : IGrainWithStringKey
{
    /// <summary>
    /// Creates empty replicas, durably listed in the node's manifest before it returns. Those that exist stay as they are.
    /// Nothing else ever creates a replica: one that is missing later is lost, not empty.
    /// </summary>
    [Alias("create-replicas")]
    Task CreateReplicasAsync(RangeId[] ranges);

    /// <summary>
    /// Ends the leaders of these ranges on this node and never lets them lead here again: when it returns, no write to them
    /// can be acknowledged by this node any more.
    /// </summary>
    [Alias("retire-replicas")]
    Task RetireReplicasAsync(RangeId[] ranges);

    /// <summary>What this node holds, without loading anything.</summary>
    [Alias("report")]
    Task<NodeReport> ReportAsync();
}

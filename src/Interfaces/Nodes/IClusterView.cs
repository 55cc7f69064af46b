using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Interfaces.Nodes;

/// <summary>What a node shows of ring, nodes and ranges. Failures are <see cref="Errors.GrainDbException"/>.</summary>
public interface IClusterView
{
    /// <summary>The rings.</summary>
    Task<RingView> GetRingAsync(CancellationToken cancellationToken);

    /// <summary>Where a user's key lives.</summary>
    Task<KeyLocationView> LocateAsync(string keyspace, ReadOnlyMemory<byte> key, int replicas, CancellationToken cancellationToken);

    /// <summary>How a sample of <paramref name="keys"/> keys spreads.</summary>
    Task<RingDistributionView> GetDistributionAsync(int keys, int replicas, CancellationToken cancellationToken);

    /// <summary>What a change of the ring would move. Changes nothing.</summary>
    Task<RingPlanView> PlanAsync(RingPlanRequest request, CancellationToken cancellationToken);

    /// <summary>All nodes by name.</summary>
    Task<IReadOnlyList<NodeView>> GetNodesAsync(CancellationToken cancellationToken);

    /// <summary>Ranges by id: of one keyspace or all; only unhealthy ones or all. Does not activate idle ranges.</summary>
    Task<IReadOnlyList<RangeStatus>> GetRangesAsync(string? keyspace, bool unhealthyOnly, CancellationToken cancellationToken);

    /// <summary>One range. Does not activate it.</summary>
    Task<RangeStatus> GetRangeAsync(RangeId range, CancellationToken cancellationToken);

    /// <summary>Writes a checkpoint of one range now.</summary>
    Task CheckpointAsync(RangeId range, CancellationToken cancellationToken);

    /// <summary>Collects garbage of all ranges below now minus retention, without waiting for the schedule.</summary>
    Task CollectGarbageAsync(CancellationToken cancellationToken);

    /// <summary>Null when this node can serve: silo active, storage healthy, meta range reachable; else why not.</summary>
    Task<string?> GetReadinessAsync(CancellationToken cancellationToken);

    /// <summary>Completes when the node is ready for the first time.</summary>
    Task WaitUntilReadyAsync(CancellationToken cancellationToken);
}

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

    /// <summary>
    /// Puts a node first in a range's order of preference, and asks the range to be led there. Returns when both are said; the
    /// leadership itself moves after the proposals in flight are answered.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="node">The node; it must be live and hold a replica of the range.</param>
    /// <param name="cancellationToken">The caller gave up: the order may be changed already.</param>
    /// <exception cref="Errors.GrainDbException">
    /// <c>RangeNotFound</c>; <c>InvalidRequest</c>: the node has no replica of the range; <c>Unavailable</c>: it is not live, or the range cannot
    /// be reached; <c>OutcomeUnknown</c>: the range did not answer in time.
    /// </exception>
    Task TransferLeaderAsync(RangeId range, string node, CancellationToken cancellationToken);

    /// <summary>Writes a checkpoint of one range now.</summary>
    Task CheckpointAsync(RangeId range, CancellationToken cancellationToken);

    /// <summary>Collects garbage of all ranges below now minus retention, without waiting for the schedule.</summary>
    Task CollectGarbageAsync(CancellationToken cancellationToken);

    /// <summary>Null when this node can serve: silo active, storage healthy, meta range reachable; else why not.</summary>
    Task<string?> GetReadinessAsync(CancellationToken cancellationToken);

    /// <summary>Completes when the node is ready for the first time.</summary>
    Task WaitUntilReadyAsync(CancellationToken cancellationToken);
}

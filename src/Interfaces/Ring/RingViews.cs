namespace GrainDb.Interfaces.Ring;

/// <summary>A node as the topology knows it.</summary>
public enum NodeState : byte
{
    /// <summary>Known, not yet in the ring.</summary>
    Joining,

    /// <summary>In the ring.</summary>
    Active,

    /// <summary>In the ring, handing over.</summary>
    Draining,

    /// <summary>Out of the ring for good.</summary>
    Removed,
}

/// <summary>One node of a ring.</summary>
/// <param name="Name">Stable name.</param>
/// <param name="Weight">Relative capacity, above zero.</param>
/// <param name="VirtualNodes">Positions on the ring.</param>
/// <param name="Share">Fraction of the hash space whose primary it is, exactly.</param>
/// <param name="State">Topology state.</param>
public sealed record RingNodeView(string Name, double Weight, int VirtualNodes, double Share, NodeState State);

/// <summary>One region's ring.</summary>
/// <param name="Name">Region.</param>
/// <param name="Version">Grows with every change.</param>
/// <param name="VirtualNodesPerUnit">Virtual nodes of weight 1.</param>
/// <param name="Nodes">By name.</param>
public sealed record RingRegionView(string Name, long Version, int VirtualNodesPerUnit, IReadOnlyList<RingNodeView> Nodes);

/// <summary>All rings.</summary>
/// <param name="Regions">By name.</param>
public sealed record RingView(IReadOnlyList<RingRegionView> Regions);

/// <summary>Where a key lives.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Token">The key's position on the ring, 16 hex digits.</param>
/// <param name="Range">Its range.</param>
/// <param name="Replicas">The range's replicas in order.</param>
/// <param name="RingNodes">The first distinct nodes clockwise from the token.</param>
/// <param name="Leader">The node that leads; null when none does.</param>
public sealed record KeyLocationView(
    string Keyspace,
    string Token,
    long Range,
    IReadOnlyList<string> Replicas,
    IReadOnlyList<string> RingNodes,
    string? Leader);

/// <summary>What one node got of a key sample.</summary>
/// <param name="Node">Stable name.</param>
/// <param name="Primaries">Sample keys whose primary it is.</param>
/// <param name="Replicas">Sample keys of which it holds a copy.</param>
/// <param name="Expected">Primaries that its weight promises.</param>
/// <param name="Deviation">(primaries − expected) / expected.</param>
public sealed record NodeDistributionView(string Node, long Primaries, long Replicas, double Expected, double Deviation);

/// <summary>Distribution of a key sample.</summary>
/// <param name="Keys">Size of the sample.</param>
/// <param name="ReplicationFactor">Distinct nodes per key.</param>
/// <param name="Nodes">By name.</param>
public sealed record RingDistributionView(int Keys, int ReplicationFactor, IReadOnlyList<NodeDistributionView> Nodes);

/// <summary>A node to add in a plan.</summary>
/// <param name="Name">Stable name, unused so far.</param>
/// <param name="Region">Region.</param>
/// <param name="Weight">Above zero.</param>
public sealed record PlannedNode(string Name, string Region, double Weight);

/// <summary>What a plan changes: any mixture.</summary>
/// <param name="Add">Nodes to add.</param>
/// <param name="Remove">Names of nodes to remove.</param>
/// <param name="Weights">New weights by name.</param>
public sealed record RingPlanRequest(
    IReadOnlyList<PlannedNode> Add,
    IReadOnlyList<string> Remove,
    IReadOnlyDictionary<string, double> Weights);

/// <summary>One replica that a plan moves.</summary>
/// <param name="Range">The range.</param>
/// <param name="From">Node that gives it up; null when it only gains a copy.</param>
/// <param name="To">Node that takes it; null when it only loses a copy.</param>
/// <param name="Keys">Keys of the range; null when it is not in memory.</param>
/// <param name="Bytes">Bytes of the range; null when it is not in memory.</param>
public sealed record PlannedMove(long Range, string? From, string? To, long? Keys, long? Bytes);

/// <summary>How much of the hash space changes its primary from one node to another.</summary>
/// <param name="From">Old primary.</param>
/// <param name="To">New primary.</param>
/// <param name="Fraction">Of the whole hash space.</param>
public sealed record RingFlow(string From, string To, double Fraction);

/// <summary>What a plan moves, as fractions of the hash space.</summary>
/// <param name="Primaries">Keys whose primary changes.</param>
/// <param name="ReplicaSets">Keys whose replica set changes.</param>
/// <param name="Flows">Per pair of nodes, largest first.</param>
public sealed record RingPlanFractions(double Primaries, double ReplicaSets, IReadOnlyList<RingFlow> Flows);

/// <summary>An answer to "what if".</summary>
/// <param name="Id">Names the plan.</param>
/// <param name="BasedOn">Ring version that it was computed from.</param>
/// <param name="Moves">Replicas of existing ranges that would move.</param>
/// <param name="Fractions">Of the hash space.</param>
/// <param name="Before">The rings now.</param>
/// <param name="After">The rings then.</param>
public sealed record RingPlanView(
    string Id,
    long BasedOn,
    IReadOnlyList<PlannedMove> Moves,
    RingPlanFractions Fractions,
    RingView Before,
    RingView After);

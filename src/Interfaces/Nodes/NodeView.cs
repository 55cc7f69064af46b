using GrainDb.Interfaces.Ring;

namespace GrainDb.Interfaces.Nodes;

/// <summary>One node of the cluster.</summary>
/// <param name="Name">Stable name.</param>
/// <param name="Region">Region.</param>
/// <param name="Weight">Relative capacity.</param>
/// <param name="State">Topology state.</param>
/// <param name="Live">Whether the membership table holds it active.</param>
/// <param name="Incarnation">GUID of its data directory; null before it first reported.</param>
/// <param name="Http">Its HTTP endpoint; null when it serves none.</param>
/// <param name="Silo">Its silo address now; null when it is down.</param>
/// <param name="Ranges">Ranges of whose replicas it holds one.</param>
/// <param name="Leads">Ranges that it is first to lead.</param>
public sealed record NodeView(
    string Name,
    string Region,
    double Weight,
    NodeState State,
    bool Live,
    string? Incarnation,
    string? Http,
    string? Silo,
    int Ranges,
    int Leads);

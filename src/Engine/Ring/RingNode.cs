namespace GrainDb.Engine.Ring;

/// <summary>A node on the ring.</summary>
/// <param name="Name">Stable name, unique in its ring.</param>
/// <param name="Weight">Relative capacity: finite, above zero. A node of weight 2 gets twice the share of a node of weight 1.</param>
public sealed record RingNode(string Name, double Weight);

using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Nodes;

/// <summary>A heartbeat on its way to one of a node's replicas.</summary>
/// <param name="Range">The replica's range.</param>
/// <param name="Append">An append without records.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-heartbeat")]
public sealed record RangeHeartbeat([property: Id(0)] RangeId Range, [property: Id(1)] AppendRequest Append)
{
    /// <summary>Most heartbeats of one call.</summary>
    public const int MaxPerCall = 1024;
}

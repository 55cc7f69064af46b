using Orleans.Placement;

namespace GrainDb.Grains.Placement;

/// <summary>
/// Places grains where the data is: a range's grain on the first live node of its replica list, the
/// grains of a node and of its replicas on that node.
/// </summary>
[GenerateSerializer, Immutable, Alias("graindb.ring-placement")]
public sealed class RingPlacementStrategy : PlacementStrategy
{
    internal static readonly RingPlacementStrategy Singleton = new();
}

/// <summary>Marks a grain class for <see cref="RingPlacementStrategy"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class RingPlacementAttribute() : PlacementAttribute(RingPlacementStrategy.Singleton);

namespace GrainDb.Grains.Placement;

/// <summary>No live node may host the grain: certainly nothing was sent to it.</summary>
[GenerateSerializer, Alias("graindb.placement-unavailable")]
public sealed class PlacementUnavailableException(string message) : Exception(message);

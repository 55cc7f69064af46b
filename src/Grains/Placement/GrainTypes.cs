namespace GrainDb.Grains.Placement;

/// <summary>Names of grain types that placement tells apart. They are in the grain directory: never reuse one.</summary>
internal static class GrainTypes
{
    public const string Range = "graindb-range";

    public const string Node = "graindb-node";
}

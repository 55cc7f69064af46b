using System.Globalization;

namespace GrainDb.Interfaces.Ranges;

/// <summary>Names one range. Never reused. Range 0 is the meta range.</summary>
/// <param name="Value">The number.</param>
[GenerateSerializer, Immutable, Alias("graindb.rangeid")]
public readonly record struct RangeId([property: Id(0)] long Value)
{
    /// <summary>Range 0: keyspaces, range descriptors and topology.</summary>
    public static readonly RangeId Meta;

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

using System.Globalization;

namespace GrainDb.Interfaces.Replicas;

/// <summary>Position in one range's replicated log. Dense, the first record has 1; <see cref="Zero"/> is before the first record.</summary>
/// <param name="Value">The number.</param>
[GenerateSerializer, Immutable, Alias("graindb.lsn")]
public readonly record struct Lsn([property: Id(0)] ulong Value) : IComparable<Lsn>
{
    /// <summary>Before the first.</summary>
    public static readonly Lsn Zero;

    /// <summary>The following one.</summary>
    public Lsn Next => new(checked(Value + 1));

    /// <inheritdoc/>
    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order.</summary>
    public static bool operator <(Lsn left, Lsn right) => left.Value < right.Value;

    /// <summary>Order.</summary>
    public static bool operator >(Lsn left, Lsn right) => left.Value > right.Value;

    /// <summary>Order.</summary>
    public static bool operator <=(Lsn left, Lsn right) => left.Value <= right.Value;

    /// <summary>Order.</summary>
    public static bool operator >=(Lsn left, Lsn right) => left.Value >= right.Value;
}

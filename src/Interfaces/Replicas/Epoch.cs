using System.Globalization;

namespace GrainDb.Interfaces.Replicas;

/// <summary>The fencing number of leadership over one range. It only ever grows; <see cref="Zero"/> is before the first leader.</summary>
/// <param name="Value">The number.</param>
[GenerateSerializer, Immutable, Alias("graindb.epoch")]
public readonly record struct Epoch([property: Id(0)] ulong Value) : IComparable<Epoch>
{
    /// <summary>Before the first.</summary>
    public static readonly Epoch Zero;

    /// <summary>The following one.</summary>
    public Epoch Next => new(checked(Value + 1));

    /// <inheritdoc/>
    public int CompareTo(Epoch other) => Value.CompareTo(other.Value);

    /// <summary>The number in decimal.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Order.</summary>
    public static bool operator <(Epoch left, Epoch right) => left.Value < right.Value;

    /// <summary>Order.</summary>
    public static bool operator >(Epoch left, Epoch right) => left.Value > right.Value;

    /// <summary>Order.</summary>
    public static bool operator <=(Epoch left, Epoch right) => left.Value <= right.Value;

    /// <summary>Order.</summary>
    public static bool operator >=(Epoch left, Epoch right) => left.Value >= right.Value;
}

using System.Globalization;

namespace GrainDb.Interfaces.Eventual;

/// <summary>
/// The name of one write of one eventual key: who minted it, and its position in the order in which that one mints. No two writes ever have the
/// same dot.
/// </summary>
/// <param name="Actor">The replica's incarnation: a replica that lost its disk is another one.</param>
/// <param name="Counter">The LSN of the write in the actor's log, so it grows with every write and is never given twice.</param>
[GenerateSerializer, Immutable, Alias("graindb.dot")]
public readonly record struct Dot([property: Id(0)] Guid Actor, [property: Id(1)] ulong Counter) : IComparable<Dot>
{
    /// <summary>By actor, then by counter.</summary>
    public int CompareTo(Dot other)
    {
        var byActor = Actor.CompareTo(other.Actor);
        return byActor != 0 ? byActor : Counter.CompareTo(other.Counter);
    }

    /// <summary>The actor's beginning and the counter.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Actor.ToString("N")[..8]}:{Counter}");

    /// <summary>Order.</summary>
    public static bool operator <(Dot left, Dot right) => left.CompareTo(right) < 0;

    /// <summary>Order.</summary>
    public static bool operator >(Dot left, Dot right) => left.CompareTo(right) > 0;

    /// <summary>Order.</summary>
    public static bool operator <=(Dot left, Dot right) => left.CompareTo(right) <= 0;

    /// <summary>Order.</summary>
    public static bool operator >=(Dot left, Dot right) => left.CompareTo(right) >= 0;
}

using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Eventual;

/// <summary>One value of an eventual key that a reader sees.</summary>
/// <param name="Dot">The write that left it.</param>
/// <param name="Version">When it was written.</param>
/// <param name="ContentType">Media type; empty for none.</param>
/// <param name="Value">The bytes.</param>
public readonly record struct EventualValue(Dot Dot, Timestamp Version, string ContentType, ReadOnlyMemory<byte> Value);

/// <summary>What a reader sees of the state of an eventual key.</summary>
public sealed record EventualContent
{
    /// <summary>A key of which nobody knows anything.</summary>
    public static readonly EventualContent Nothing = new();

    /// <summary>Whether there is a value. Where there is none the key may still have been deleted, or have expired: then there is a context.</summary>
    public bool Exists { get; init; }

    /// <summary>When the newest write that stands was made; zero when there is none.</summary>
    public Timestamp Version { get; init; }

    /// <summary>Under the policies without a data type: the values that stand, ascending by dot.</summary>
    public IReadOnlyList<EventualValue> Values { get; init; } = [];

    /// <summary>Of a counter: its value.</summary>
    public Int128 Sum { get; init; }

    /// <summary>Of a set: its elements, without values. Of a map: its fields, ascending by name. Of a register: its one value, with the empty name; none when it was never set.</summary>
    public IReadOnlyList<CrdtField> Fields { get; init; } = [];
}

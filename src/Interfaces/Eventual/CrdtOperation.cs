namespace GrainDb.Interfaces.Eventual;

/// <summary>What an operation does to a data type.</summary>
public enum CrdtAction : byte
{
    /// <summary>Adds a number to a counter.</summary>
    Increment,

    /// <summary>Adds elements to a set.</summary>
    Add,

    /// <summary>Removes elements of a set, or fields of a map.</summary>
    Remove,

    /// <summary>Sets fields of a map, or a register (its one field has the empty name).</summary>
    Set,
}

/// <summary>A field or element.</summary>
/// <param name="Name">The element of a set; the name of a field; empty for a register.</param>
/// <param name="Value">The value of a field; empty otherwise.</param>
[GenerateSerializer, Immutable, Alias("graindb.crdt-field")]
public readonly record struct CrdtField([property: Id(0)] ReadOnlyMemory<byte> Name, [property: Id(1)] ReadOnlyMemory<byte> Value);

/// <summary>One operation on a data type. Which actions a key takes follows from the keyspace's <see cref="ConflictPolicy"/>.</summary>
/// <param name="Action">What.</param>
/// <param name="By"><see cref="CrdtAction.Increment"/>: by how much; may be negative.</param>
/// <param name="Fields">For all other actions: at least one.</param>
[GenerateSerializer, Immutable, Alias("graindb.crdt-operation")]
public sealed record CrdtOperation([property: Id(0)] CrdtAction Action, [property: Id(1)] long By, [property: Id(2)] IReadOnlyList<CrdtField> Fields)
{
    /// <summary>An increment.</summary>
    public static CrdtOperation Increment(long by) => new(CrdtAction.Increment, by, []);
}

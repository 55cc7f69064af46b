namespace GrainDb.Interfaces.Errors;

/// <summary>A key at which two transactions met.</summary>
/// <param name="Keyspace">Its keyspace.</param>
/// <param name="Key">The user's key.</param>
[GenerateSerializer, Immutable, Alias("graindb.conflict-key")]
public readonly record struct ConflictKey([property: Id(0)] string Keyspace, [property: Id(1)] ReadOnlyMemory<byte> Key);

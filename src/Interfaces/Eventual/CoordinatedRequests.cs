using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Eventual;

/// <summary>A write that a replica is to coordinate. Given to a second replica only after the first said that nothing happened.</summary>
/// <param name="Configuration">Version of the configuration by which the sender goes; a node that knows an older one looks for a newer one first.</param>
/// <param name="Write">What to write.</param>
/// <param name="Level">How many replicas must have it.</param>
/// <param name="Idempotency">Makes a repeated request one; null for none.</param>
/// <param name="Patience">How long to wait for the level.</param>
[GenerateSerializer, Immutable, Alias("graindb.coordinate-write")]
public sealed record CoordinateWrite(
    [property: Id(0)] long Configuration,
    [property: Id(1)] EventualWrite Write,
    [property: Id(2)] EventualLevel Level,
    [property: Id(3)] IdempotencyStamp? Idempotency,
    [property: Id(4)] TimeSpan Patience);

/// <summary>A read that a replica is to coordinate.</summary>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Key">The user's key.</param>
/// <param name="Level">How many replicas must have answered.</param>
/// <param name="Patience">How long to wait for the level.</param>
[GenerateSerializer, Immutable, Alias("graindb.coordinate-read")]
public sealed record CoordinateRead(
    [property: Id(0)] long Configuration,
    [property: Id(1)] ReadOnlyMemory<byte> Key,
    [property: Id(2)] EventualLevel Level,
    [property: Id(3)] TimeSpan Patience);

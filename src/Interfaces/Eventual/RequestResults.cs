using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Eventual;

/// <summary>What became of a write that may be repeated; travels with the state that it made, and is durable with it.</summary>
/// <param name="Stamp">The request.</param>
/// <param name="Dot">The name of the write.</param>
/// <param name="Version">Its timestamp.</param>
/// <param name="Existed">Whether the coordinator had a value before.</param>
/// <param name="Context">What the writer had seen then.</param>
[GenerateSerializer, Immutable, Alias("graindb.request-result")]
public sealed record RequestResult(
    [property: Id(0)] IdempotencyStamp Stamp,
    [property: Id(1)] Dot Dot,
    [property: Id(2)] Timestamp Version,
    [property: Id(3)] bool Existed,
    [property: Id(4)] ReadOnlyMemory<byte> Context);

/// <summary>Asks a replica what it knows of a write that may be repeated.</summary>
/// <param name="Replica">Incarnation of the replica that is meant.</param>
/// <param name="Configuration">Version of the configuration by which the sender goes.</param>
/// <param name="Key">The client's idempotency key.</param>
[GenerateSerializer, Immutable, Alias("graindb.request-query")]
public sealed record RequestQuery([property: Id(0)] Guid Replica, [property: Id(1)] long Configuration, [property: Id(2)] string Key);

/// <summary>Answer to a <see cref="RequestQuery"/>.</summary>
/// <param name="Outcome">Whether it was answered.</param>
/// <param name="Result">What became of the request; null when the replica never heard of it.</param>
[GenerateSerializer, Immutable, Alias("graindb.request-answer")]
public sealed record RequestAnswer([property: Id(0)] EventualOutcome Outcome, [property: Id(1)] RequestResult? Result);

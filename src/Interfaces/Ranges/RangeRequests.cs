using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Ranges;

/// <summary>Writes of one range that commit together at one timestamp, or not at all.</summary>
/// <param name="Writes">Distinct routing keys; every condition must hold.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-write")]
public sealed record RangeWrite([property: Id(0)] KeyWrite[] Writes, [property: Id(1)] long Generation)
{
    /// <summary>How many replicas must have it durably.</summary>
    [Id(2)]
    public WriteLevel Level { get; init; }

    /// <summary><see cref="WriteLevel.All"/>: how long to wait for the replicas beyond the quorum, counted from the request's arrival.</summary>
    [Id(3)]
    public TimeSpan Patience { get; init; }

    /// <summary>Stored with the effect; null for none.</summary>
    [Id(4)]
    public IdempotencyStamp? Idempotency { get; init; }
}

/// <summary>A read of one routing key.</summary>
/// <param name="Key">The routing key.</param>
/// <param name="AsOf">Snapshot; zero for now, linearizable.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-read")]
public sealed record RangeRead([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] Timestamp AsOf, [property: Id(2)] long Generation)
{
    /// <summary>What it must see; looked at by replicas that do not lead.</summary>
    [Id(3)]
    public ReadConsistency Consistency { get; init; }

    /// <summary>The transaction that reads; null for none.</summary>
    [Id(4)]
    public TransactionReader? Reader { get; init; }
}

/// <summary>A scan of one range.</summary>
/// <param name="Start">Inclusive routing key.</param>
/// <param name="End">Exclusive routing key; null for the end of the range.</param>
/// <param name="AsOf">Snapshot; zero for the present of this range alone.</param>
/// <param name="Limit">Most rows.</param>
/// <param name="Reverse">Descending order.</param>
/// <param name="KeysOnly">Leave the values out.</param>
/// <param name="MaxBytes">Bytes of keys and values after which the page ends.</param>
/// <param name="Filter">Under hash partitioning: bounds of the user's key to filter by; null for none.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-scan")]
public sealed record RangeScan(
    [property: Id(0)] byte[] Start,
    [property: Id(1)] byte[]? End,
    [property: Id(2)] Timestamp AsOf,
    [property: Id(3)] int Limit,
    [property: Id(4)] bool Reverse,
    [property: Id(5)] bool KeysOnly,
    [property: Id(6)] int MaxBytes,
    [property: Id(7)] KeyInterval? Filter,
    [property: Id(8)] long Generation)
{
    /// <summary>What it must see; looked at by replicas that do not lead.</summary>
    [Id(9)]
    public ReadConsistency Consistency { get; init; }

    /// <summary>The transaction that reads; null for none.</summary>
    [Id(10)]
    public TransactionReader? Reader { get; init; }
}

/// <summary>An interval of the user's keys.</summary>
/// <param name="Start">Inclusive; empty for none.</param>
/// <param name="End">Exclusive; null for none.</param>
[GenerateSerializer, Immutable, Alias("graindb.key-interval")]
public sealed record KeyInterval([property: Id(0)] ReadOnlyMemory<byte> Start, [property: Id(1)] ReadOnlyMemory<byte>? End);

/// <summary>A request for all retained versions of one routing key.</summary>
/// <param name="Key">The routing key.</param>
/// <param name="Generation">Generation of the descriptor by which the caller routed.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-history")]
public sealed record RangeHistory([property: Id(0)] ReadOnlyMemory<byte> Key, [property: Id(1)] long Generation);

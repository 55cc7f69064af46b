using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Eventual;

/// <summary>How a conflict ended.</summary>
public enum ConflictResolution : byte
{
    /// <summary>By timestamp: the values here lost.</summary>
    Timestamp,

    /// <summary>By a write whose context had seen all of the values here.</summary>
    Writer,
}

/// <summary>A value that a conflict ended.</summary>
/// <param name="Dot">The write.</param>
/// <param name="Timestamp">When it was written.</param>
/// <param name="Deleted">Whether it was a deletion.</param>
/// <param name="Field">The field of a map; empty otherwise.</param>
/// <param name="ContentType">Media type; empty for none.</param>
/// <param name="Value">The bytes.</param>
[GenerateSerializer, Immutable, Alias("graindb.conflict-loser")]
public sealed record ConflictLoser(
    [property: Id(0)] Dot Dot,
    [property: Id(1)] Timestamp Timestamp,
    [property: Id(2)] bool Deleted,
    [property: Id(3)] ReadOnlyMemory<byte> Field,
    [property: Id(4)] string ContentType,
    [property: Id(5)] ReadOnlyMemory<byte> Value);

/// <summary>A conflict between concurrent writes of one key, and how it ended. Replicas that saw it each have it, perhaps with different losers; key and winner name it.</summary>
/// <param name="Key">The user's key.</param>
/// <param name="Resolution">How.</param>
/// <param name="Winner">The write that stands.</param>
/// <param name="Losers">The writes that do not, in order of their dots.</param>
/// <param name="At">When it ended: the timestamp of the write that ended it, so the same on all replicas.</param>
[GenerateSerializer, Immutable, Alias("graindb.conflict-record")]
public sealed record ConflictRecord(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] ConflictResolution Resolution,
    [property: Id(2)] Dot Winner,
    [property: Id(3)] IReadOnlyList<ConflictLoser> Losers,
    [property: Id(4)] Timestamp At);

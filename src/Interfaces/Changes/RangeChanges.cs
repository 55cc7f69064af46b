using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Changes;

/// <summary>Asks a range's leader what was committed after a timestamp in an interval of routing keys.</summary>
[GenerateSerializer, Immutable, Alias("graindb.range-changes")]
public sealed record RangeChanges
{
    /// <summary>Exclusive lower bound of the versions.</summary>
    [Id(0)]
    public required Timestamp After { get; init; }

    /// <summary>Generation of the descriptor by which the caller routed.</summary>
    [Id(1)]
    public required long Generation { get; init; }

    /// <summary>Inclusive routing key; empty for the start of the range.</summary>
    [Id(2)]
    public byte[] Start { get; init; } = [];

    /// <summary>Exclusive routing key; null for the end of the range.</summary>
    [Id(3)]
    public byte[]? End { get; init; }

    /// <summary>Under hash partitioning: bounds of the user's key to filter by; null for none.</summary>
    [Id(4)]
    public KeyInterval? Filter { get; init; }

    /// <summary>Changes after which the answer ends; at least 1. Exceeded only by a single commit that has more.</summary>
    [Id(5)]
    public int MaxChanges { get; init; } = ChangeLimits.MaxChangesPerAnswer;

    /// <summary>Bytes of keys and values after which it ends; at least 1. Exceeded only by a single commit that has more.</summary>
    [Id(6)]
    public int MaxBytes { get; init; } = ChangeLimits.MaxBytesPerAnswer;

    /// <summary>How long to wait for a change, or for <see cref="AtLeast"/>, before answering that there is none; at most <see cref="ChangeLimits.MaxRangeWait"/>.</summary>
    [Id(7)]
    public TimeSpan Wait { get; init; }

    /// <summary>Answered also without a change as soon as nothing can appear at or below this any more. The leader's clock moves to it.</summary>
    [Id(8)]
    public Timestamp AtLeast { get; init; } = Timestamp.Max;

    /// <summary>The connected feed that asks; while it goes on asking, nothing above <see cref="Hold"/> is collected, within a bound. Empty for none.</summary>
    [Id(9)]
    public Guid Feed { get; init; }

    /// <summary>What the reader of the feed has: it may come again with this.</summary>
    [Id(10)]
    public Timestamp Hold { get; init; }
}

/// <summary>One committed version.</summary>
/// <param name="Key">The routing key.</param>
/// <param name="Version">Its commit timestamp.</param>
/// <param name="Deleted">Whether it is a tombstone.</param>
/// <param name="Previous">The live version that it replaced; zero when the key did not exist.</param>
/// <param name="ExpiresAt">When its time to live ends; zero for never. No change tells when that happens.</param>
/// <param name="ContentType">Its media type; empty for none.</param>
/// <param name="Value">Its bytes; empty for a tombstone. The memory is immutable and may be held.</param>
/// <param name="Transaction">The transaction that wrote it; none for a write outside a transaction.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-change")]
public readonly record struct RangeChange(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] Timestamp Version,
    [property: Id(2)] bool Deleted,
    [property: Id(3)] Timestamp Previous,
    [property: Id(4)] Timestamp ExpiresAt,
    [property: Id(5)] string ContentType,
    [property: Id(6)] ReadOnlyMemory<byte> Value,
    [property: Id(7)] Transactions.TransactionId Transaction)
{
    /// <summary>Bytes of key and value.</summary>
    public int Bytes => Key.Length + Value.Length;
}

/// <summary>What a range's leader says of its changes.</summary>
[GenerateSerializer, Immutable, Alias("graindb.range-changes-result")]
public sealed record RangeChangesResult
{
    /// <summary>Null when it was served.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>All versions of the interval above <see cref="RangeChanges.After"/> and at or below <see cref="Resolved"/>, by version, then by routing key.</summary>
    [Id(1)]
    public IReadOnlyList<RangeChange> Changes { get; init; } = [];

    /// <summary>
    /// No version of the interval can appear at or below it any more, under this leader or any that comes after. May lie below <see cref="RangeChanges.After"/>.
    /// </summary>
    [Id(2)]
    public Timestamp Resolved { get; init; }

    /// <summary>A request that failed.</summary>
    public static RangeChangesResult Failed(Failure failure) => new() { Failure = failure };
}

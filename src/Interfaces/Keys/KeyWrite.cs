namespace GrainDb.Interfaces.Keys;

/// <summary>What a write does.</summary>
public enum WriteKind : byte
{
    /// <summary>Stores a value.</summary>
    Put,

    /// <summary>Stores a tombstone; deleting an absent key succeeds.</summary>
    Delete,
}

/// <summary>What a write asks of the current version before it happens.</summary>
public enum ConditionKind : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The key must exist with exactly this version.</summary>
    VersionEquals,

    /// <summary>The key must exist.</summary>
    Exists,

    /// <summary>The key must not exist.</summary>
    NotExists,
}

/// <summary>A condition, evaluated inside the commit against the newest version in log order.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Version">For <see cref="ConditionKind.VersionEquals"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.write-condition")]
public readonly record struct WriteCondition([property: Id(0)] ConditionKind Kind, [property: Id(1)] Timestamp Version)
{
    /// <summary>No condition.</summary>
    public static readonly WriteCondition None;
}

/// <summary>One write of one key.</summary>
/// <param name="Key">1 to <see cref="KeyLimits.MaxKeyBytes"/> bytes: the user's key at <see cref="IKeyValueStore"/>, the routing key at a range.</param>
/// <param name="Kind">Put or delete.</param>
/// <param name="Value">The value of a put; empty for a delete.</param>
/// <param name="ContentType">Media type of the value, at most <see cref="KeyLimits.MaxContentTypeBytes"/> ASCII bytes; empty for none.</param>
/// <param name="Condition">What must hold.</param>
/// <param name="TimeToLive">After this long, by commit timestamp, the version reads as absent; null for never.</param>
[GenerateSerializer, Immutable, Alias("graindb.key-write")]
public sealed record KeyWrite(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] WriteKind Kind,
    [property: Id(2)] ReadOnlyMemory<byte> Value,
    [property: Id(3)] string ContentType,
    [property: Id(4)] WriteCondition Condition,
    [property: Id(5)] TimeSpan? TimeToLive);

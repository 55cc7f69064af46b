using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Keys;

/// <summary>Who answered.</summary>
/// <param name="Region">Region of the node.</param>
/// <param name="Range">The range.</param>
/// <param name="Node">The node's stable name.</param>
/// <param name="Role">Leader or follower.</param>
[GenerateSerializer, Immutable, Alias("graindb.served-by")]
public sealed record ServedBy(
    [property: Id(0)] string Region,
    [property: Id(1)] RangeId Range,
    [property: Id(2)] string Node,
    [property: Id(3)] ReplicaRole Role);

/// <summary>The result of a write: a failure, or the commit timestamp.</summary>
[GenerateSerializer, Immutable, Alias("graindb.write-result")]
public sealed record WriteResult
{
    /// <summary>Null when the write is committed and durable.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The commit timestamp, which is the version of every key written.</summary>
    [Id(1)]
    public Timestamp Version { get; init; }

    /// <summary>Whether a live version existed before (of the first key, where one request writes several).</summary>
    [Id(2)]
    public bool Existed { get; init; }

    /// <summary>Who committed it; null when nobody was reached.</summary>
    [Id(3)]
    public ServedBy? ServedBy { get; init; }

    /// <summary>What each replica had said when the write was answered; empty where nobody looked.</summary>
    [Id(4)]
    public IReadOnlyList<ReplicaVote> Replicas { get; init; } = [];

    /// <summary>Whether the same request took effect before: then everything here is of that time.</summary>
    [Id(5)]
    public bool IsRepeated { get; init; }

    /// <summary>Of a repeated request: the bytes that its stamp had when it took effect; else empty.</summary>
    [Id(6)]
    public ReadOnlyMemory<byte> Answer { get; init; }

    /// <summary>A failed write.</summary>
    public static WriteResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>The result of reading one key.</summary>
[GenerateSerializer, Immutable, Alias("graindb.read-result")]
public sealed record ReadResult
{
    /// <summary>Null when the read was served, whether or not the key exists.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Whether a live version exists at the timestamp.</summary>
    [Id(1)]
    public bool Found { get; init; }

    /// <summary>Its version.</summary>
    [Id(2)]
    public Timestamp Version { get; init; }

    /// <summary>Its media type; empty for none.</summary>
    [Id(3)]
    public string ContentType { get; init; } = "";

    /// <summary>Its bytes. The memory is immutable and may be held.</summary>
    [Id(4)]
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The snapshot that was read: reading again at it gives the same.</summary>
    [Id(5)]
    public Timestamp ReadTimestamp { get; init; }

    /// <summary>Who answered; null when nobody was reached.</summary>
    [Id(6)]
    public ServedBy? ServedBy { get; init; }

    /// <summary>Bound on how old the state was that was read; null for the present.</summary>
    [Id(7)]
    public TimeSpan? Staleness { get; init; }

    /// <summary>To a transaction: a version or an intent stands here that may have been acknowledged before it began; zero when none does. Nothing was read then.</summary>
    [Id(8)]
    public Timestamp UncertainAt { get; init; }

    /// <summary>To a transaction: the clock of the node that served it; else zero.</summary>
    [Id(9)]
    public Timestamp Clock { get; init; }

    /// <summary>A failed read.</summary>
    public static ReadResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>One row of a scan.</summary>
/// <param name="Key">The user's key at <see cref="IKeyValueStore"/>, the routing key at a range.</param>
/// <param name="Version">Its version.</param>
/// <param name="ContentType">Its media type; empty for none.</param>
/// <param name="Value">Its bytes; empty when only keys were asked for.</param>
[GenerateSerializer, Immutable, Alias("graindb.scan-item")]
public readonly record struct ScanItem(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] Timestamp Version,
    [property: Id(2)] string ContentType,
    [property: Id(3)] ReadOnlyMemory<byte> Value);

/// <summary>One page of a scan.</summary>
[GenerateSerializer, Immutable, Alias("graindb.scan-result")]
public sealed record ScanResult
{
    /// <summary>Null when the page was served.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>The rows in scan order.</summary>
    [Id(1)]
    public IReadOnlyList<ScanItem> Items { get; init; } = [];

    /// <summary>
    /// Null when the scan is complete; else the *routing key* at which the next page begins: inclusive start when scanning
    /// forward, exclusive end when scanning in reverse.
    /// </summary>
    [Id(2)]
    public byte[]? ResumeKey { get; init; }

    /// <summary>The snapshot that was read.</summary>
    [Id(3)]
    public Timestamp ReadTimestamp { get; init; }

    /// <summary>Who answered (the last range, where a page covers several).</summary>
    [Id(4)]
    public ServedBy? ServedBy { get; init; }

    /// <summary>Bound on how old the state was that was read; null for the present.</summary>
    [Id(5)]
    public TimeSpan? Staleness { get; init; }

    /// <summary>To a transaction: the highest timestamp in the interval that may have been acknowledged before it began; zero when none. Nothing was read then.</summary>
    [Id(6)]
    public Timestamp UncertainAt { get; init; }

    /// <summary>To a transaction: the clock of the node that served it; else zero.</summary>
    [Id(7)]
    public Timestamp Clock { get; init; }

    /// <summary>A failed scan.</summary>
    public static ScanResult Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>One retained version.</summary>
/// <param name="Version">Its commit timestamp.</param>
/// <param name="Deleted">Whether it is a tombstone.</param>
/// <param name="ExpiresAt">When its time to live ends; zero for never.</param>
/// <param name="ContentType">Its media type; empty for none.</param>
/// <param name="Value">Its bytes; empty for a tombstone.</param>
[GenerateSerializer, Immutable, Alias("graindb.history-item")]
public readonly record struct HistoryItem(
    [property: Id(0)] Timestamp Version,
    [property: Id(1)] bool Deleted,
    [property: Id(2)] Timestamp ExpiresAt,
    [property: Id(3)] string ContentType,
    [property: Id(4)] ReadOnlyMemory<byte> Value);

/// <summary>All retained versions of one key, newest first.</summary>
[GenerateSerializer, Immutable, Alias("graindb.history-result")]
public sealed record HistoryResult
{
    /// <summary>Null when it was served.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Newest first; at most <see cref="KeyLimits.MaxHistoryVersions"/>.</summary>
    [Id(1)]
    public IReadOnlyList<HistoryItem> Versions { get; init; } = [];

    /// <summary>Nothing below it can be read.</summary>
    [Id(2)]
    public Timestamp GcThreshold { get; init; }

    /// <summary>Who answered.</summary>
    [Id(3)]
    public ServedBy? ServedBy { get; init; }

    /// <summary>A failed request.</summary>
    public static HistoryResult Failed(Failure failure) => new() { Failure = failure };
}

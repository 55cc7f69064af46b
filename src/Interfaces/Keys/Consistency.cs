using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Keys;

/// <summary>What a read of a strong keyspace must see.</summary>
public enum ReadLevel : byte
{
    /// <summary>Everything that was acknowledged before the read began. Served by the leader.</summary>
    Linearizable,

    /// <summary>At least everything that the caller's session has seen or written.</summary>
    Session,

    /// <summary>Nothing staler than a bound.</summary>
    Bounded,

    /// <summary>Some state that was committed once; never part of a commit.</summary>
    Eventual,
}

/// <summary>The consistency of a read.</summary>
/// <param name="Level">The level.</param>
/// <param name="MaxStaleness"><see cref="ReadLevel.Bounded"/>: how old the state may be. With zero only a leader can serve it.</param>
/// <param name="Seen"><see cref="ReadLevel.Session"/>: the session's newest timestamp; zero for a session that has seen nothing.</param>
/// <param name="LocalOnly">Whether a replica that cannot serve it fails the read instead of leaving it to the leader (<c>fallback=none</c>).</param>
[GenerateSerializer, Immutable, Alias("graindb.read-consistency")]
public readonly record struct ReadConsistency(
    [property: Id(0)] ReadLevel Level,
    [property: Id(1)] TimeSpan MaxStaleness,
    [property: Id(2)] Timestamp Seen,
    [property: Id(3)] bool LocalOnly)
{
    /// <summary>The default.</summary>
    public static readonly ReadConsistency Linearizable;
}

/// <summary>How many replicas must have a write durably before it is answered.</summary>
public enum WriteLevel : byte
{
    /// <summary>A majority of the voters.</summary>
    Quorum,

    /// <summary>
    /// Every voter. When the deadline comes first the answer is still a success, with the replicas that have it, because a majority has.
    /// </summary>
    All,
}

/// <summary>How a write is made.</summary>
/// <param name="Level">How many replicas must have it durably before it is answered.</param>
/// <param name="Idempotency">Makes a repeated request one; null for none.</param>
public readonly record struct WriteOptions(WriteLevel Level, IdempotencyStamp? Idempotency);

/// <summary>What one replica said to a request.</summary>
public enum ReplicaReply : byte
{
    /// <summary>Holds the write, or answered the read.</summary>
    Ok,

    /// <summary>Did not answer in time.</summary>
    Timeout,

    /// <summary>Answered that it cannot.</summary>
    Error,
}

/// <summary>One replica's part in a request.</summary>
/// <param name="Node">Its node.</param>
/// <param name="Reply">What it said.</param>
/// <param name="Lsn">What of the range's log it is known to hold; zero when that is not known.</param>
[GenerateSerializer, Immutable, Alias("graindb.replica-vote")]
public sealed record ReplicaVote([property: Id(0)] string Node, [property: Id(1)] ReplicaReply Reply, [property: Id(2)] Replicas.Lsn Lsn);

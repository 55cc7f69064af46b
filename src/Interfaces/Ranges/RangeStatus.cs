using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Ranges;

/// <summary>One replica as its node reports it.</summary>
/// <param name="Node">The node's stable name.</param>
/// <param name="Role">Leader or follower.</param>
/// <param name="State">Its condition.</param>
/// <param name="Lsn">Last durable position of its log; zero when idle.</param>
/// <param name="Lag">Records behind the leader.</param>
/// <param name="Detail">What is wrong, with file and offset; null when nothing is.</param>
[GenerateSerializer, Immutable, Alias("graindb.replica-status")]
public sealed record ReplicaStatus(
    [property: Id(0)] string Node,
    [property: Id(1)] ReplicaRole Role,
    [property: Id(2)] ReplicaState State,
    [property: Id(3)] Lsn Lsn,
    [property: Id(4)] long Lag,
    [property: Id(5)] string? Detail)
{
    /// <summary>Its id; null when it is not known.</summary>
    [Id(6)]
    public Guid? Id { get; init; }

    /// <summary>Last record of the log that its state holds; zero when idle.</summary>
    [Id(7)]
    public Lsn Applied { get; init; }

    /// <summary>Of a replica of an eventual partition that is in memory; else null.</summary>
    [Id(8)]
    public EventualReplicaReport? Eventual { get; init; }
}

/// <summary>One range as its leader, or its node's storage, reports it.</summary>
[GenerateSerializer, Immutable, Alias("graindb.range-status")]
public sealed record RangeStatus
{
    /// <summary>The range's descriptor.</summary>
    [Id(0)]
    public required RangeDescriptor Descriptor { get; init; }

    /// <summary>The node whose activation leads; null when none does.</summary>
    [Id(1)]
    public string? Leader { get; init; }

    /// <summary>The leader's epoch.</summary>
    [Id(2)]
    public Epoch Epoch { get; init; }

    /// <summary>Every replica.</summary>
    [Id(3)]
    public IReadOnlyList<ReplicaStatus> Replicas { get; init; } = [];

    /// <summary>Keys with at least one retained version; -1 when the range is not in memory.</summary>
    [Id(4)]
    public long Keys { get; init; } = -1;

    /// <summary>Bytes of keys and values of all retained versions; -1 when the range is not in memory.</summary>
    [Id(5)]
    public long Bytes { get; init; } = -1;

    /// <summary>Decayed requests per second.</summary>
    [Id(6)]
    public double Rate { get; init; }

    /// <summary>Nothing below it can be read.</summary>
    [Id(7)]
    public Timestamp GcThreshold { get; init; }

    /// <summary>Who votes, as the leader's log has it, else the log of the replica with the highest epoch; null when none tells.</summary>
    [Id(8)]
    public RangeConfiguration? Configuration { get; init; }

    /// <summary>The family of its keyspace. A partition of an eventual one has no leader, no epoch of leadership, no GC threshold and no voters.</summary>
    [Id(9)]
    public Keyspaces.KeyspaceFamily Family { get; init; }
}

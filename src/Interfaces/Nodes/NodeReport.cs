using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Nodes;

/// <summary>One replica as its node sees it.</summary>
[GenerateSerializer, Immutable, Alias("graindb.replica-report")]
public sealed record ReplicaReport
{
    /// <summary>The range.</summary>
    [Id(0)]
    public required RangeId Range { get; init; }

    /// <summary>Its condition.</summary>
    [Id(1)]
    public ReplicaState State { get; init; }

    /// <summary>Leader when this node's activation of the range leads.</summary>
    [Id(2)]
    public ReplicaRole Role { get; init; }

    /// <summary>Epoch of that leader, else of the promise; zero when idle.</summary>
    [Id(3)]
    public Epoch Epoch { get; init; }

    /// <summary>Last durable record; zero when idle.</summary>
    [Id(4)]
    public Lsn Lsn { get; init; }

    /// <summary>What is wrong, with file and offset; null when nothing is.</summary>
    [Id(5)]
    public string? Detail { get; init; }

    /// <summary>Keys with a retained version; -1 when idle.</summary>
    [Id(6)]
    public long Keys { get; init; } = -1;

    /// <summary>Bytes of keys and values of all retained versions; -1 when idle.</summary>
    [Id(7)]
    public long Bytes { get; init; } = -1;

    /// <summary>Decayed requests per second.</summary>
    [Id(8)]
    public double Rate { get; init; }

    /// <summary>Nothing below it can be read.</summary>
    [Id(9)]
    public Timestamp GcThreshold { get; init; }

    /// <summary>The replica's id.</summary>
    [Id(10)]
    public required Guid Replica { get; init; }

    /// <summary>Last record of the log that its state holds; zero when idle.</summary>
    [Id(11)]
    public Lsn Applied { get; init; }

    /// <summary>Who votes, as this replica's log has it; null when idle, or when the log has none.</summary>
    [Id(12)]
    public RangeConfiguration? Configuration { get; init; }

    /// <summary>Of a replica of an eventual partition that is in memory; else null.</summary>
    [Id(13)]
    public EventualReplicaReport? Eventual { get; init; }
}

/// <summary>What a node says of itself.</summary>
/// <param name="Incarnation">GUID of its data directory.</param>
/// <param name="Replicas">Every replica in its manifest.</param>
[GenerateSerializer, Immutable, Alias("graindb.node-report")]
public sealed record NodeReport([property: Id(0)] string Incarnation, [property: Id(1)] ReplicaReport[] Replicas);

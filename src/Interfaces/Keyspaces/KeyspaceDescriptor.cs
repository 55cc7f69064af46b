using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Interfaces.Keyspaces;

/// <summary>The consistency family of a keyspace, fixed for its life.</summary>
public enum KeyspaceFamily : byte
{
    /// <summary>A replicated log per range: linearizable keys, transactions.</summary>
    Strong,

    /// <summary>Any replica accepts; version vectors.</summary>
    Eventual,
}

/// <summary>How keys become routing keys.</summary>
public enum KeyspacePartitioning : byte
{
    /// <summary>The key's bytes: scans in key order.</summary>
    Range,

    /// <summary>8 bytes of the key's XxHash3, then the key: even load.</summary>
    Hash,
}

/// <summary>A named set of keys with one configuration.</summary>
[GenerateSerializer, Immutable, Alias("graindb.keyspace")]
public sealed record KeyspaceDescriptor
{
    /// <summary>Nobody asked for a number of replicas: 3, or as many as there are nodes when those are fewer.</summary>
    public const int DefaultReplicationFactor = 0;

    /// <summary>Name: 1 to 64 of <c>a-z 0-9 - _ .</c>, beginning with a letter. <c>system.</c> is ours.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Family.</summary>
    [Id(1)]
    public KeyspaceFamily Family { get; init; }

    /// <summary>Partitioning.</summary>
    [Id(2)]
    public KeyspacePartitioning Partitioning { get; init; }

    /// <summary>Number of ranges at creation.</summary>
    [Id(3)]
    public int Partitions { get; init; } = 1;

    /// <summary>Replicas of each range. In a request <see cref="DefaultReplicationFactor"/> leaves the number to the catalog.</summary>
    [Id(4)]
    public int ReplicationFactor { get; init; } = DefaultReplicationFactor;

    /// <summary>How long old versions stay readable.</summary>
    [Id(5)]
    public TimeSpan Retention { get; init; } = TimeSpan.FromHours(1);

    /// <summary>User keys at which a range-partitioned keyspace was cut at creation, ascending.</summary>
    [Id(6)]
    public IReadOnlyList<byte[]> SplitKeys { get; init; } = [];

    /// <summary>Grows with every change.</summary>
    [Id(7)]
    public long Generation { get; init; } = 1;

    /// <summary>What an eventual keyspace does with concurrent writes; of a strong one the first, which means nothing.</summary>
    [Id(8)]
    public ConflictPolicy Conflict { get; init; }

    /// <summary>Whether hints on other nodes count toward the level of a write of an eventual keyspace.</summary>
    [Id(9)]
    public bool Sloppy { get; init; }

    /// <summary>Isolation of a transaction that names none: the strictest among the keyspaces that it touches. May change.</summary>
    [Id(10)]
    public IsolationLevel DefaultIsolation { get; init; }

    /// <summary>Whether clients may not write it.</summary>
    public bool IsSystem => Name.StartsWith("system.", StringComparison.Ordinal);
}

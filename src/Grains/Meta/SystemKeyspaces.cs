using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>Keyspaces that every database has.</summary>
internal static class SystemKeyspaces
{
    /// <summary>Catalog, keyspaces, descriptors, topology: range 0.</summary>
    public const string Meta = "system.meta";

    /// <summary>The keyspace that clients find at first start.</summary>
    public const string Default = "default";

    /// <summary>The eventual keyspace that clients find at first start.</summary>
    public const string Cache = "cache";

    /// <summary>Decisions of transactions over several ranges.</summary>
    public const string Transactions = "system.transactions";

    public static KeyspaceDescriptor MetaKeyspace { get; } = new() { Name = Meta };

    public static KeyspaceDescriptor DefaultKeyspace { get; } = new() { Name = Default };

    public static KeyspaceDescriptor CacheKeyspace { get; } = new()
    {
        Name = Cache,
        Family = KeyspaceFamily.Eventual,
        Partitioning = KeyspacePartitioning.Hash,
        Partitions = KeyspaceLimits.DefaultEventualPartitions,
    };

    /// <summary>Nobody reads old versions of a decision: it has one.</summary>
    public static KeyspaceDescriptor TransactionsKeyspace { get; } = new()
    {
        Name = Transactions,
        Partitioning = KeyspacePartitioning.Hash,
        Partitions = 4,
        Retention = KeyspaceLimits.MinRetention,
    };
}

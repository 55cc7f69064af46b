using GrainDb.Engine.Sagas;
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

    /// <summary>Logs of sagas, their index, their definitions.</summary>
    public const string Sagas = "system.sagas";

    /// <summary>What the inventory service keeps: stock, prices, effect records.</summary>
    public const string Inventory = "system.inventory";

    /// <summary>What the payment service keeps: accounts, charges, effect records.</summary>
    public const string Payments = "system.payments";

    /// <summary>What the shipping service keeps: shipments, effect records.</summary>
    public const string Shipments = "system.shipments";

    /// <summary>Effect records of steps whose services lie outside the database.</summary>
    public const string Calls = "system.calls";

    public static KeyspaceDescriptor MetaKeyspace { get; } = new() { Name = Meta };

    public static KeyspaceDescriptor DefaultKeyspace { get; } = new() { Name = Default };

    public static KeyspaceDescriptor CacheKeyspace { get; } = new()
    {
        Name = Cache,
        Family = KeyspaceFamily.Eventual,
        Partitioning = KeyspacePartitioning.Hash,
        Partitions = KeyspaceLimits.DefaultEventualPartitions,
    };

    /// <summary>Rows never change, and nobody reads old places in the index. Keys begin with a hash (<see cref="SagaKeys"/>): everything of one saga lies in one range.</summary>
    public static KeyspaceDescriptor SagasKeyspace { get; } = new()
    {
        Name = Sagas,
        Partitioning = KeyspacePartitioning.Range,
        Partitions = SagaKeys.SplitKeys.Count + 1,
        SplitKeys = SagaKeys.SplitKeys,
        Retention = KeyspaceLimits.MinRetention,
    };

    /// <summary>Those that come after the default one, by whose absence a fresh database is known. A database of an earlier version gets what it lacks.</summary>
    public static IReadOnlyList<KeyspaceDescriptor> Later { get; } =
        [SagasKeyspace, OfService(Inventory), OfService(Payments), OfService(Shipments), OfService(Calls)];

    /// <summary>
    /// One range each: then every call of a service is a transaction in one range, in one round of replication, and calls that meet at a hot row do not conflict (ADR 0013).
    /// </summary>
    private static KeyspaceDescriptor OfService(string name) => new() { Name = name, Partitioning = KeyspacePartitioning.Hash, Partitions = 1 };
}

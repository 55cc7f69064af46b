using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>Keyspaces that every database has.</summary>
internal static class SystemKeyspaces
{
    /// <summary>Catalog, keyspaces, descriptors, topology: range 0.</summary>
    public const string Meta = "system.meta";

    /// <summary>The keyspace that clients find at first start.</summary>
    public const string Default = "default";

    /// <summary>Decisions of transactions over several ranges.</summary>
    public const string Transactions = "system.transactions";

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

    /// <summary>Nobody reads old versions of a decision: it has one.</summary>
    public static KeyspaceDescriptor TransactionsKeyspace { get; } = new()
    {
        Name = Transactions,
        Partitioning = KeyspacePartitioning.Hash,
        Partitions = 4,
        Retention = KeyspaceLimits.MinRetention,
    };

    /// <summary>
    /// Those that every database has beside the meta one and the default one, in the order in which they are created; a database that was made before there was one of them gets it at its next start.
    /// </summary>
    public static IReadOnlyList<KeyspaceDescriptor> Own { get; } = [TransactionsKeyspace, OfService(Inventory), OfService(Payments), OfService(Shipments), OfService(Calls)];

    /// <summary>
    /// One range each: then every call of a service is a transaction in one range, in one round of replication, and calls that meet at a hot row do not conflict (ADR 0011).
    /// </summary>
    private static KeyspaceDescriptor OfService(string name) => new() { Name = name, Partitioning = KeyspacePartitioning.Hash, Partitions = 1 };
}

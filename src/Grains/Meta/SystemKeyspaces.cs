using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>Keyspaces that every database has.</summary>
internal static class SystemKeyspaces
{
    /// <summary>Catalog, keyspaces, descriptors, topology: range 0.</summary>
    public const string Meta = "system.meta";

    /// <summary>The keyspace that clients find at first start.</summary>
    public const string Default = "default";

    public static KeyspaceDescriptor MetaKeyspace { get; } = new() { Name = Meta };

    public static KeyspaceDescriptor DefaultKeyspace { get; } = new() { Name = Default };
}

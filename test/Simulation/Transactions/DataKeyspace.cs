using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Transactions;

/// <summary>The ranges of the clients' keys, as every node sees them.</summary>
internal sealed class DataKeyspace(IReadOnlyList<SimulatedRange> ranges) : IKeyspaceRoutes
{
    public const string Name = "simulated";

    public KeyspaceDescriptor Keyspace { get; } = new() { Name = Name, Partitioning = KeyspacePartitioning.Range };

    public IReadOnlyList<RangeDescriptor> Ranges { get; } = [.. ranges.Select(range => range.Descriptor)];

    public RangeDescriptor Find(ReadOnlySpan<byte> routingKey)
    {
        foreach (var range in Ranges)
        {
            if (range.Contains(routingKey))
                return range;
        }

        throw new InvalidOperationException("the ranges leave a gap");
    }
}

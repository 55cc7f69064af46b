using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>A keyspace of the model.</summary>
internal sealed class ModelKeyspace : IKeyspaceRoutes
{
    /// <summary>In key order, cut at h and p: ranges 1 to 3.</summary>
    public static readonly ModelKeyspace Ordered = new("ordered", KeyspacePartitioning.Range, 1, [[], "h"u8.ToArray(), "p"u8.ToArray()]);

    /// <summary>By hash, in two: ranges 4 and 5.</summary>
    public static readonly ModelKeyspace Hashed = new("hashed", KeyspacePartitioning.Hash, 4, [[], RoutingKey.PartitionStart(1, 2)]);

    private ModelKeyspace(string name, KeyspacePartitioning partitioning, long firstRange, byte[][] starts)
    {
        Keyspace = new KeyspaceDescriptor { Name = name, Partitioning = partitioning };
        Ranges = [.. starts.Select((start, index) => new RangeDescriptor(
            new RangeId(firstRange + index), name, start, index + 1 < starts.Length ? starts[index + 1] : null, Generation: 1, []))];
    }

    public KeyspaceDescriptor Keyspace { get; }

    public IReadOnlyList<RangeDescriptor> Ranges { get; }

    public static ModelKeyspace? Find(string name) => name == Ordered.Keyspace.Name ? Ordered : name == Hashed.Keyspace.Name ? Hashed : null;

    public RangeDescriptor Find(ReadOnlySpan<byte> routingKey)
    {
        foreach (var range in Ranges)
        {
            if (range.Contains(routingKey))
                return range;
        }

        throw new InvalidOperationException("a keyspace without a gap");
    }

    public byte[] Route(string key) => RoutingKey.Of(Keyspace.Partitioning, Encoding.UTF8.GetBytes(key)).ToArray();
}

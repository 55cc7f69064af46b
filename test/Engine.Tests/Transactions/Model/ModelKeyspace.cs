using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>A keyspace of the model.</summary>
internal sealed class ModelKeyspace : IKeyspaceRoutes
{
    /// <summary>In key order, cut at h and p: ranges 1 to 3.</summary>
    public static readonly ModelKeyspace Ordered = new("ordered", KeyspacePartitioning.Range, 1, [[], "h"u8.ToArray(), "p"u8.ToArray()]);

    /// <summary>By hash, in two: ranges 4 and 5.</summary>
    public static readonly ModelKeyspace Hashed = new("hashed", KeyspacePartitioning.Hash, 4, [[], RoutingKey.PartitionStart(1, 2)]);

    /// <summary>In key order, serializable where nothing else is asked for: range 6.</summary>
    public static readonly ModelKeyspace Strict = new("strict", KeyspacePartitioning.Range, 6, [[]], IsolationLevel.Serializable);

    private ModelKeyspace(string name, KeyspacePartitioning partitioning, long firstRange, byte[][] starts, IsolationLevel defaultIsolation = IsolationLevel.Snapshot)
    {
        Keyspace = new KeyspaceDescriptor { Name = name, Partitioning = partitioning, DefaultIsolation = defaultIsolation };
        Ranges = [.. starts.Select((start, index) => new RangeDescriptor(
            new RangeId(firstRange + index), name, start, index + 1 < starts.Length ? starts[index + 1] : null, Generation: 1, []))];
    }

    public KeyspaceDescriptor Keyspace { get; }

    public IReadOnlyList<RangeDescriptor> Ranges { get; }

    public static IReadOnlyList<ModelKeyspace> All => [Ordered, Hashed, Strict];

    public static ModelKeyspace? Find(string name) => All.FirstOrDefault(keyspace => keyspace.Keyspace.Name == name);

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

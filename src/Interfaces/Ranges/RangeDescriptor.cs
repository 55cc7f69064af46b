using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Ranges;

/// <summary>
/// What the meta range says of one range. The interval is over routing keys: the key's bytes, or, under hash
/// partitioning, 8 bytes of its hash (big-endian) followed by the key.
/// </summary>
/// <param name="Id">The range.</param>
/// <param name="Keyspace">The keyspace that it belongs to.</param>
/// <param name="Start">Inclusive; empty for the first range.</param>
/// <param name="End">Exclusive; null for the last range.</param>
/// <param name="Generation">Grows with every change of this descriptor that makes routes by the old one wrong; the order of preference does not.</param>
/// <param name="Replicas">In preference order: that of the first live node leads.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-descriptor")]
public sealed record RangeDescriptor(
    [property: Id(0)] RangeId Id,
    [property: Id(1)] string Keyspace,
    [property: Id(2)] byte[] Start,
    [property: Id(3)] byte[]? End,
    [property: Id(5)] long Generation,
    [property: Id(6)] ReplicaDescriptor[] Replicas)
{
    /// <summary>The replicas' nodes in preference order.</summary>
    public IEnumerable<string> Nodes => Replicas.Select(replica => replica.Node);

    /// <summary>The replica that a node has; null when it has none.</summary>
    public ReplicaDescriptor? On(string node) => Array.Find(Replicas, replica => replica.Node == node);

    /// <summary>Whether the routing key lies in the interval.</summary>
    public bool Contains(ReadOnlySpan<byte> routingKey) =>
        routingKey.SequenceCompareTo(Start) >= 0 && (End is null || routingKey.SequenceCompareTo(End) < 0);
}

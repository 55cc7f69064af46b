namespace GrainDb.Interfaces.Ranges;

/// <summary>
/// What the meta range says of one range. The interval is over routing keys: the key's bytes, or, under hash
/// partitioning, 8 bytes of its hash (big-endian) followed by the key.
/// </summary>
/// <param name="Id">The range.</param>
/// <param name="Keyspace">The keyspace that it belongs to.</param>
/// <param name="Start">Inclusive; empty for the first range.</param>
/// <param name="End">Exclusive; null for the last range.</param>
/// <param name="Replicas">Nodes in preference order: the first live one leads.</param>
/// <param name="Generation">Grows with every change of this descriptor that makes routes by the old one wrong; the order of preference does not.</param>
[GenerateSerializer, Immutable, Alias("graindb.range-descriptor")]
public sealed record RangeDescriptor(
    [property: Id(0)] RangeId Id,
    [property: Id(1)] string Keyspace,
    [property: Id(2)] byte[] Start,
    [property: Id(3)] byte[]? End,
    [property: Id(4)] string[] Replicas,
    [property: Id(5)] long Generation)
{
    /// <summary>Whether the routing key lies in the interval.</summary>
    public bool Contains(ReadOnlySpan<byte> routingKey) =>
        routingKey.SequenceCompareTo(Start) >= 0 && (End is null || routingKey.SequenceCompareTo(End) < 0);
}

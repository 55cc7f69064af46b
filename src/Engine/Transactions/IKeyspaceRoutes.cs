using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Transactions;

/// <summary>A keyspace and the ranges in which its keys lie, at one moment.</summary>
public interface IKeyspaceRoutes
{
    /// <summary>The keyspace. Its name, family and partitioning never change.</summary>
    KeyspaceDescriptor Keyspace { get; }

    /// <summary>Its ranges in key order, without a gap.</summary>
    IReadOnlyList<RangeDescriptor> Ranges { get; }

    /// <summary>The range that holds a routing key.</summary>
    RangeDescriptor Find(ReadOnlySpan<byte> routingKey);
}

using System.Buffers.Binary;
using System.IO.Hashing;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// How a user's key becomes a routing key: itself under <c>range</c> partitioning; 8 bytes of its XxHash3-64, big-endian,
/// then itself under <c>hash</c> partitioning, so that intervals of routing keys are intervals of hashes.
/// </summary>
public static class RoutingKey
{
    /// <summary>Bytes that hash partitioning puts before the key.</summary>
    public const int HashBytes = 8;

    /// <summary>The routing key of a user's key.</summary>
    public static ReadOnlyMemory<byte> Of(KeyspacePartitioning partitioning, ReadOnlyMemory<byte> key)
    {
        if (partitioning == KeyspacePartitioning.Range)
            return key;
        var routing = new byte[HashBytes + key.Length];
        BinaryPrimitives.WriteUInt64BigEndian(routing, XxHash3.HashToUInt64(key.Span));
        key.CopyTo(routing.AsMemory(HashBytes));
        return routing;
    }

    /// <summary>The user's key of a routing key.</summary>
    public static ReadOnlyMemory<byte> ToUserKey(KeyspacePartitioning partitioning, ReadOnlyMemory<byte> routingKey) =>
        partitioning == KeyspacePartitioning.Range ? routingKey : routingKey[HashBytes..];

    /// <inheritdoc cref="ToUserKey(KeyspacePartitioning, ReadOnlyMemory{byte})"/>
    public static ReadOnlySpan<byte> ToUserKey(KeyspacePartitioning partitioning, ReadOnlySpan<byte> routingKey) =>
        partitioning == KeyspacePartitioning.Range ? routingKey : routingKey[HashBytes..];

    /// <summary>
    /// Start of partition <paramref name="index"/> of <paramref name="count"/> equal ones of the hash space; empty for the first.
    /// </summary>
    public static byte[] PartitionStart(int index, int count)
    {
        if (index == 0)
            return [];
        var start = new byte[HashBytes];
        BinaryPrimitives.WriteUInt64BigEndian(start, (ulong)(((UInt128)index << 64) / (uint)count));
        return start;
    }
}

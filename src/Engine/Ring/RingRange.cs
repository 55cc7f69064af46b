using System.Buffers.Binary;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Ring;

/// <summary>A range as placement sees it.</summary>
/// <param name="Id">The range.</param>
/// <param name="Token">
/// Where it stands on the ring: <see cref="TokenOf"/>, or any other value that is spread evenly and stays with the range.
/// </param>
/// <param name="Replicas">Nodes that hold it now, primary first; empty for a range that is to be created.</param>
public sealed record RingRange(RangeId Id, ulong Token, IReadOnlyList<string> Replicas)
{
    /// <summary>Keys in it; null when not known.</summary>
    public long? Keys { get; init; }

    /// <summary>Bytes in it; null when not known.</summary>
    public long? Bytes { get; init; }

    /// <summary>
    /// The token of a range, from what never changes while it lives. Under hash partitioning the first 8 bytes of its start routing
    /// key, big-endian, turned by the keyspace's own token: the ranges of a keyspace keep their even spacing, while
    /// those of different keyspaces do not all begin on the same node. Under range partitioning, where keys have no
    /// place on the ring, a hash of keyspace and start.
    /// </summary>
    /// <param name="keyspace">Name of the keyspace.</param>
    /// <param name="partitioning">Its partitioning.</param>
    /// <param name="start">
    /// First routing key of the range; empty for the first range. Given a routing key under hash partitioning, this is the token of
    /// that key on the same scale.
    /// </param>
    public static ulong TokenOf(string keyspace, KeyspacePartitioning partitioning, ReadOnlySpan<byte> start)
    {
        var turn = HashRing.Token(keyspace);
        Span<byte> place = stackalloc byte[2 * sizeof(ulong)];
        place.Clear();
        if (partitioning == KeyspacePartitioning.Hash)
        {
            start[..Math.Min(start.Length, sizeof(ulong))].CopyTo(place);
            return unchecked(BinaryPrimitives.ReadUInt64BigEndian(place) + turn);
        }

        BinaryPrimitives.WriteUInt64BigEndian(place, turn);
        BinaryPrimitives.WriteUInt64BigEndian(place[sizeof(ulong)..], HashRing.Token(start));
        return HashRing.Token(place);
    }
}

/// <summary>Where a range belongs.</summary>
/// <param name="Range">The range.</param>
/// <param name="Replicas">Distinct nodes, primary first, then followers in ring order.</param>
public sealed record RangeAssignment(RangeId Range, IReadOnlyList<string> Replicas);

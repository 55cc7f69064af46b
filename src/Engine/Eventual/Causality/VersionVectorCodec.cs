using GrainDb.Interfaces.Eventual;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// A vector as bytes. Equal vectors have equal bytes.
/// <code>
/// varint count
/// count × ( 16 bytes actor, big-endian · varint counter )     ascending by actor
/// </code>
/// </summary>
internal static class VersionVectorCodec
{
    private const int LeastEntryBytes = 17;

    public static void Write(ByteWriter to, VersionVector vector)
    {
        to.Varint((ulong)vector.Count);
        foreach (var entry in vector.Entries)
        {
            to.Guid(entry.Actor);
            to.Varint(entry.Counter);
        }
    }

    public static VersionVector Read(ref ByteReader from)
    {
        var vector = VersionVector.Empty;
        var count = from.Count(LeastEntryBytes);
        for (var index = 0; index < count; index++)
        {
            var dot = new Dot(from.Guid(), from.Varint());
            if (dot.Counter == 0 || (index > 0 && vector.Entries[^1].Actor.CompareTo(dot.Actor) >= 0))
                throw from.Bad("actors are not ascending, or a counter is zero");
            vector = vector.With(dot);
        }

        return vector;
    }
}

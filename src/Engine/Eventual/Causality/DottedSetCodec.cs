using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// The state of a key as bytes, in files and on the wire. Equal states have equal bytes. See docs/formats/eventual-records.md.
/// <code>
/// u8      format version, 1
/// vector  context (VersionVectorCodec)
/// varint  siblings
/// each:   varint actor, as its index in the context · varint counter · u8 flags (1 tombstone, 2 expires)
///         u64 timestamp · u64 expires at (flag 2) · varint length, bytes
/// </code>
/// </summary>
public static class DottedSetCodec
{
    private const byte Format = 1;
    private const byte TombstoneFlag = 1;
    private const byte ExpiresFlag = 2;
    private const int LeastSiblingBytes = 12;

    /// <summary>Encodes.</summary>
    public static byte[] Encode(DottedSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var writer = new ByteWriter();
        writer.Byte(Format);
        VersionVectorCodec.Write(writer, set.Context);
        writer.Varint((ulong)set.Siblings.Count);
        var index = 0;
        foreach (var sibling in set.Siblings)
        {
            while (set.Context.Entries[index].Actor != sibling.Dot.Actor)
                index++;
            writer.Varint((ulong)index);
            writer.Varint(sibling.Dot.Counter);
            writer.Byte((byte)((sibling.IsTombstone ? TombstoneFlag : 0) | (sibling.ExpiresAt.IsZero ? 0 : ExpiresFlag)));
            writer.UInt64(sibling.Timestamp.Value);
            if (!sibling.ExpiresAt.IsZero)
                writer.UInt64(sibling.ExpiresAt.Value);
            writer.Bytes(sibling.Stored.Span);
        }

        return writer.ToArray();
    }

    /// <summary>Decodes; the values share the memory of <paramref name="bytes"/>.</summary>
    /// <exception cref="InvalidDataException">They are no such state.</exception>
    public static DottedSet Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes, "state of an eventual key");
        reader.Version(Format);
        var context = VersionVectorCodec.Read(ref reader);
        var siblings = new Sibling[reader.Count(LeastSiblingBytes)];
        for (var index = 0; index < siblings.Length; index++)
            siblings[index] = ReadSibling(ref reader, context);
        reader.End();
        return DottedSet.Of(context, siblings);
    }

    private static Sibling ReadSibling(ref ByteReader reader, VersionVector context)
    {
        var actor = reader.Varint();
        if (actor >= (ulong)context.Count)
            throw reader.Bad("a sibling's actor is not in the context");
        var dot = new Dot(context.Entries[(int)actor].Actor, reader.Varint());
        var flags = reader.Byte();
        if (dot.Counter == 0 || (flags & ~(TombstoneFlag | ExpiresFlag)) != 0)
            throw reader.Bad("a sibling has no counter, or flags that are not known");
        var timestamp = new Timestamp(reader.UInt64());
        var expires = (flags & ExpiresFlag) != 0 ? new Timestamp(reader.UInt64()) : Timestamp.Zero;
        if ((flags & ExpiresFlag) != 0 && expires.IsZero)
            throw reader.Bad("a sibling expires at no time");
        return new(dot, timestamp, (flags & TombstoneFlag) != 0, expires, reader.Bytes());
    }
}

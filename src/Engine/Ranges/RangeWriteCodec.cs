using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Payload of a <see cref="RangeRecordType.Write"/> record. Little-endian; the commit timestamp is the record's.
/// <code>
/// u16 count
/// count ×  u8  flags     1 tombstone, 2 expires
///          u16 key length, key
///          u64 expires at      only with flag 2
///          u32 stored length, stored bytes (<see cref="StoredValue"/>); absent for a tombstone
/// </code>
/// </summary>
public static class RangeWriteCodec
{
    private const byte Tombstone = 1;
    private const byte Expires = 2;

    /// <summary>One decoded write; memory is the payload's.</summary>
    /// <param name="Key">Routing key.</param>
    /// <param name="IsTombstone">Whether it deletes.</param>
    /// <param name="ExpiresAt">Zero for never.</param>
    /// <param name="Stored">See <see cref="StoredValue"/>; empty for a tombstone.</param>
    public readonly record struct Entry(ReadOnlyMemory<byte> Key, bool IsTombstone, Timestamp ExpiresAt, ReadOnlyMemory<byte> Stored);

    /// <summary>Appends the payload of one commit.</summary>
    public static void Encode(ReadOnlySpan<KeyWrite> writes, Timestamp commit, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(2), checked((ushort)writes.Length));
        output.Advance(2);
        foreach (var write in writes)
            EncodeOne(write, commit, output);
    }

    /// <summary>When a put at <paramref name="commit"/> expires; zero for never.</summary>
    public static Timestamp ExpiresAt(KeyWrite write, Timestamp commit)
    {
        ArgumentNullException.ThrowIfNull(write);
        return write is { Kind: WriteKind.Put, TimeToLive: { } timeToLive } ? commit.Add(timeToLive) : Timestamp.Zero;
    }

    /// <summary>Reads a payload back.</summary>
    /// <exception cref="InvalidDataException">The payload is cut short or has bytes left over.</exception>
    public static IEnumerable<Entry> Decode(ReadOnlyMemory<byte> payload)
    {
        return Decode(new PayloadReader(payload, "a write record"));
    }

    /// <summary>Reads the writes with which a payload ends.</summary>
    internal static IEnumerable<Entry> Decode(PayloadReader reader)
    {
        var count = reader.UInt16();
        for (var i = 0; i < count; i++)
        {
            var flags = reader.Byte();
            var key = reader.Bytes(reader.UInt16());
            var expiresAt = (flags & Expires) != 0 ? new Timestamp(reader.UInt64()) : Timestamp.Zero;
            var tombstone = (flags & Tombstone) != 0;
            yield return new(key, tombstone, expiresAt, tombstone ? default : reader.Bytes(reader.Int32()));
        }

        reader.End();
    }

    private static void EncodeOne(KeyWrite write, Timestamp commit, IBufferWriter<byte> output)
    {
        var tombstone = write.Kind == WriteKind.Delete;
        var expiresAt = ExpiresAt(write, commit);
        var header = tombstone ? 0 : StoredValue.HeaderLength(write.ContentType);
        var length = 1 + 2 + write.Key.Length + (expiresAt.IsZero ? 0 : 8) + (tombstone ? 0 : 4 + header + write.Value.Length);
        var span = output.GetSpan(length);
        span[0] = (byte)((tombstone ? Tombstone : 0) | (expiresAt.IsZero ? 0 : Expires));
        BinaryPrimitives.WriteUInt16LittleEndian(span[1..], checked((ushort)write.Key.Length));
        write.Key.Span.CopyTo(span[3..]);
        var at = 3 + write.Key.Length;
        if (!expiresAt.IsZero)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(span[at..], expiresAt.Value);
            at += 8;
        }

        if (!tombstone)
        {
            BinaryPrimitives.WriteInt32LittleEndian(span[at..], header + write.Value.Length);
            at += 4;
            at += StoredValue.WriteHeader(write.ContentType, span[at..]);
            write.Value.Span.CopyTo(span[at..]);
        }

        output.Advance(length);
    }
}

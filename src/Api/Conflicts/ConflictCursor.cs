using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Conflicts;

/// <summary>
/// A position in the list of a keyspace's conflicts, as text. Opaque to clients: <see cref="OpaqueText"/> of, big-endian,
/// <code>
/// u8 version, 1 · 8 bytes hash of the keyspace (first of SHA-256) · u64 when · 16 bytes actor, u64 counter of the winner
/// </code>
/// </summary>
internal static class ConflictCursor
{
    /// <summary>Bytes of a position.</summary>
    public const int PositionLength = sizeof(ulong) + 16 + sizeof(ulong);

    private const byte Version = 1;
    private const int HashLength = 8;
    private const int Length = 1 + HashLength + PositionLength;

    public static string Format(string keyspace, ConflictPosition position)
    {
        var bytes = new byte[Length];
        bytes[0] = Version;
        Hash(keyspace, bytes.AsSpan(1, HashLength));
        Write(position, bytes.AsSpan(1 + HashLength));
        return OpaqueText.Format(bytes);
    }

    /// <exception cref="Interfaces.Errors.GrainDbException">It is none of this list.</exception>
    public static ConflictPosition Parse(string text, string keyspace)
    {
        if (!OpaqueText.TryParse(text, Length, Length, out var bytes) || bytes[0] != Version)
            throw BadInput.Request("The cursor is not one that this service gave out.");
        Span<byte> hash = stackalloc byte[HashLength];
        Hash(keyspace, hash);
        return bytes.Slice(1, HashLength).SequenceEqual(hash)
            ? ReadPosition(bytes[(1 + HashLength)..])
            : throw BadInput.Request("The cursor belongs to another list: keyspace must be that with which it was given out.");
    }

    public static void Write(ConflictPosition position, Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, position.At.Value);
        position.Winner.Actor.TryWriteBytes(to[sizeof(ulong)..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64BigEndian(to[(sizeof(ulong) + 16)..], position.Winner.Counter);
    }

    public static ConflictPosition ReadPosition(ReadOnlySpan<byte> from) => new(
        new Timestamp(BinaryPrimitives.ReadUInt64BigEndian(from)),
        new Dot(new Guid(from.Slice(sizeof(ulong), 16), bigEndian: true), BinaryPrimitives.ReadUInt64BigEndian(from[(sizeof(ulong) + 16)..])));

    private static void Hash(string keyspace, Span<byte> to)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(keyspace), digest);
        digest[..HashLength].CopyTo(to);
    }
}

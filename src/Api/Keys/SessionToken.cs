using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Numerics;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>
/// <c>GrainDb-Session</c>: the highest timestamp that a session has seen, so that a later read elsewhere is not older.
/// Opaque to clients. 12 bytes, big-endian, in base64url: version 1 (1), timestamp (8), low 24 bits of CRC-32C of those (3).
/// The checksum catches damage; the token claims no more than a client could claim with <c>asOf</c>.
/// </summary>
internal static class SessionToken
{
    private const byte Version = 1;
    private const int Length = 12;
    private const int ChecksumOffset = 9;
    private const int EncodedLength = 16;

    public static string Format(Timestamp seen)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(seen, bytes);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>The timestamp; zero for an absent token.</summary>
    public static Timestamp Parse(string? token)
    {
        if (token is null)
            return Timestamp.Zero;
        Span<byte> bytes = stackalloc byte[Length];
        Span<byte> expected = stackalloc byte[Length];
        if (token.Length != EncodedLength
            || Base64Url.DecodeFromChars(token, bytes, out _, out var written) != OperationStatus.Done
            || written != Length
            || bytes[0] != Version)
            throw Malformed();
        var seen = new Timestamp(BinaryPrimitives.ReadUInt64BigEndian(bytes[1..]));
        Write(seen, expected);
        return bytes.SequenceEqual(expected) ? seen : throw Malformed();
    }

    private static void Write(Timestamp seen, Span<byte> bytes)
    {
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(bytes[1..], seen.Value);
        var checksum = BitOperations.Crc32C(BitOperations.Crc32C(0, Version), seen.Value);
        bytes[ChecksumOffset] = (byte)(checksum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(ChecksumOffset + 1)..], (ushort)checksum);
    }

    private static Interfaces.Errors.GrainDbException Malformed() =>
        BadInput.Request("GrainDb-Session is not a token that this service gave out.");
}

using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Changes;

/// <summary>
/// A position in the feed of a keyspace and prefix, as text. Opaque to clients: <see cref="OpaqueText"/> of, big-endian,
/// <code>
/// offset  bytes  field
///      0      1  version, 1
///      1      8  hash of keyspace and prefix (first 8 bytes of SHA-256)
///      9      8  timestamp, see FeedPosition
///     17      4  changes at it that were delivered, 0 for all
///     21      8  incarnation of the keyspace
/// </code>
/// The same change always has the same cursor, so a reader that remembers the last one can tell a repetition.
/// </summary>
internal static class FeedCursor
{
    private const byte Version = 1;
    private const int Length = 29;

    /// <summary>What makes two feeds the same one.</summary>
    public static ulong Hash(string keyspace, ReadOnlySpan<byte> prefix)
    {
        var name = Encoding.UTF8.GetBytes(keyspace);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData([(byte)name.Length, .. name, .. prefix], digest);
        return BinaryPrimitives.ReadUInt64BigEndian(digest);
    }

    public static string Format(ulong hash, FeedPosition position)
    {
        Span<byte> bytes = stackalloc byte[Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(bytes[1..], hash);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[9..], position.Timestamp.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes[17..], position.Delivered);
        BinaryPrimitives.WriteInt64BigEndian(bytes[21..], position.Incarnation);
        return OpaqueText.Format(bytes);
    }

    /// <summary>Reads a cursor, a timestamp or a time.</summary>
    /// <param name="text">What the client gave.</param>
    /// <param name="name">Where it gave it.</param>
    /// <param name="hash">Of the feed that it asks for.</param>
    /// <param name="time">The clock that tells what is in the future.</param>
    /// <exception cref="GrainDbException">It is none of them, of another feed, or in the future.</exception>
    public static FeedPosition Parse(string text, string name, ulong hash, TimeProvider time)
    {
        FeedPosition position;
        if (AsOf.TryParse(text, out var timestamp))
            position = new(timestamp, Delivered: 0, Incarnation: 0);
        else if (OpaqueText.TryParse(text, Length, Length, out var body) && body[0] == Version)
            position = Read(body, hash);
        else
            throw BadInput.Request($"{name} is '{QueryParameters.Shorten(text)}'; it must be a cursor of this feed, a timestamp of 16 hex digits, or an RFC 3339 time with its offset (write + as %2B).");
        return AsOf.IsInFuture(position.Timestamp, time)
            ? throw BadInput.Request($"{name} is '{QueryParameters.Shorten(text)}', which is in the future.")
            : position;
    }

    private static FeedPosition Read(ReadOnlySpan<byte> body, ulong hash)
    {
        if (BinaryPrimitives.ReadUInt64BigEndian(body[1..]) != hash)
            throw BadInput.Request("The cursor belongs to another feed: keyspace and prefix must be those with which it was given out.");
        var position = new FeedPosition(
            new Timestamp(BinaryPrimitives.ReadUInt64BigEndian(body[9..])), BinaryPrimitives.ReadInt32BigEndian(body[17..]), BinaryPrimitives.ReadInt64BigEndian(body[21..]));
        return position.Delivered >= 0 ? position : throw BadInput.Request("The cursor is not one that this service gave out.");
    }
}

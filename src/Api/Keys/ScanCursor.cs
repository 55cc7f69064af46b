using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>
/// Where the next page of a scan begins. Opaque to clients: base64url of, big-endian,
/// <code>
/// offset  bytes  field
///      0      1  version, 1
///      1      8  hash of the query: keyspace, bounds, order, keysOnly, asOf (first 8 bytes of SHA-256)
///      9      8  read timestamp of every page
///     17      n  resume key, a routing key: at most 8 + 4096 bytes
///   17+n      4  CRC-32C of all before
/// </code>
/// A cursor continues only the query that it came from; anything else is a clear error. It grants nothing that the same
/// caller could not ask for with <c>asOf</c> and bounds.
/// </summary>
/// <param name="QueryHash">Of the query that it continues.</param>
/// <param name="ReadTimestamp">Snapshot of all pages.</param>
/// <param name="ResumeKey">See <see cref="ScanResult.ResumeKey"/>.</param>
internal sealed record ScanCursor(ulong QueryHash, Timestamp ReadTimestamp, byte[] ResumeKey)
{
    private const byte Version = 1;
    private const int HeaderLength = 17;
    private const int MaxResumeKey = 8 + KeyLimits.MaxKeyBytes;

    /// <summary>Hash of what makes a query the same one: all of it but the limit.</summary>
    public static ulong Hash(string keyspace, ScanQuery query)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, Encoding.UTF8.GetBytes(keyspace));
        Append(hash, query.Start.Span);
        Append(hash, query.End.GetValueOrDefault().Span);
        Span<byte> rest = stackalloc byte[11];
        rest[0] = query.End is null ? (byte)1 : (byte)0;
        rest[1] = query.Reverse ? (byte)1 : (byte)0;
        rest[2] = query.KeysOnly ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64BigEndian(rest[3..], query.AsOf.Value);
        hash.AppendData(rest);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt64BigEndian(digest);
    }

    public string Format()
    {
        var bytes = new byte[HeaderLength + ResumeKey.Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(1), QueryHash);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(9), ReadTimestamp.Value);
        ResumeKey.CopyTo(bytes, HeaderLength);
        return OpaqueText.Format(bytes);
    }

    /// <summary>Reads a cursor back and checks that it continues the query with this hash.</summary>
    /// <exception cref="GrainDbException">It is damaged, of another version, or of another query.</exception>
    public static ScanCursor Parse(string text, ulong queryHash)
    {
        if (!OpaqueText.TryParse(text, HeaderLength, HeaderLength + MaxResumeKey, out var body) || body[0] != Version)
            throw Malformed();
        var cursor = new ScanCursor(
            BinaryPrimitives.ReadUInt64BigEndian(body[1..]),
            new Timestamp(BinaryPrimitives.ReadUInt64BigEndian(body[9..])),
            body[HeaderLength..].ToArray());
        return cursor.QueryHash == queryHash && !cursor.ReadTimestamp.IsZero
            ? cursor
            : throw BadInput.Request("The cursor belongs to another query: keyspace, prefix or bounds, reverse, keysOnly and asOf must be those of its first page.");
    }

    public bool Equals(ScanCursor? other) =>
        other is not null && QueryHash == other.QueryHash && ReadTimestamp == other.ReadTimestamp && ResumeKey.AsSpan().SequenceEqual(other.ResumeKey);

    public override int GetHashCode() => HashCode.Combine(QueryHash, ReadTimestamp, ResumeKey.Length);

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        // The length goes first, so that moving a byte from one field to the next changes the hash.
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    private static GrainDbException Malformed() => BadInput.Request("The cursor is not one that this service gave out.");
}

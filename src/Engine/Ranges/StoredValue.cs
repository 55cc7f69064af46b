using System.Buffers.Binary;
using System.Text;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The bytes that a version stores: perhaps the transaction that wrote it, then a media type, then the value. A tombstone has only the first.
/// <code>
/// u8 code      254: prepared and committed by a transaction; 253: committed by a transaction of this range alone; else there is no origin
/// 16           only with 253 and 254: the transaction (big-endian)
/// u64          only with 254: the prepare timestamp, little-endian
///
/// u8 code      0: no media type; 1..n: one of the well-known ones below; 255: spelled out
/// u8 length    only with code 255
/// ASCII        only with code 255
/// value
/// </code>
/// </summary>
public static class StoredValue
{
    /// <summary>Most bytes that the media type adds.</summary>
    public const int MaxHeaderBytes = 2 + KeyLimits.MaxContentTypeBytes;

    /// <summary>Most bytes of an origin.</summary>
    public const int MaxOriginBytes = 1 + TransactionId.Bytes + sizeof(ulong);

    private const byte SpelledOut = byte.MaxValue;
    private const byte Prepared = 254;
    private const byte CommittedAlone = 253;

    /// <summary>Codes are in files: append only.</summary>
    private static readonly string[] WellKnown =
    [
        "", "application/octet-stream", "application/json", "text/plain", "text/plain; charset=utf-8", "application/json; charset=utf-8",
        "application/x-www-form-urlencoded", "text/html", "application/xml", "image/png", "image/jpeg",
    ];

    /// <summary>Bytes that the media type takes.</summary>
    public static int HeaderLength(string contentType)
    {
        ArgumentNullException.ThrowIfNull(contentType);
        return Array.IndexOf(WellKnown, contentType) >= 0 ? 1 : 2 + contentType.Length;
    }

    /// <summary>Writes the media type.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteHeader(string contentType, Span<byte> destination)
    {
        var code = Array.IndexOf(WellKnown, contentType);
        if (code >= 0)
        {
            destination[0] = (byte)code;
            return 1;
        }

        destination[0] = SpelledOut;
        destination[1] = (byte)contentType.Length;
        return 2 + Encoding.ASCII.GetBytes(contentType, destination[2..]);
    }

    /// <summary>Writes an origin, at most <see cref="MaxOriginBytes"/> long.</summary>
    /// <returns>Bytes written.</returns>
    public static int WriteOrigin(VersionOrigin origin, Span<byte> destination)
    {
        destination[0] = origin.Prepared.IsZero ? CommittedAlone : Prepared;
        origin.Transaction.Write(destination[1..]);
        if (origin.Prepared.IsZero)
            return 1 + TransactionId.Bytes;
        BinaryPrimitives.WriteUInt64LittleEndian(destination[(1 + TransactionId.Bytes)..], origin.Prepared.Value);
        return MaxOriginBytes;
    }

    /// <summary>The transaction that wrote a version; null when it was none.</summary>
    /// <exception cref="InvalidDataException">It is cut short.</exception>
    public static VersionOrigin? ReadOrigin(ReadOnlySpan<byte> stored)
    {
        var length = OriginLength(stored);
        if (length == 0)
            return null;
        var prepared = stored[0] == Prepared ? new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(stored[(1 + TransactionId.Bytes)..])) : Timestamp.Zero;
        return new(TransactionId.Read(stored[1..]), prepared);
    }

    private static int OriginLength(ReadOnlySpan<byte> stored)
    {
        var length = stored.IsEmpty ? 0 : stored[0] switch
        {
            Prepared => MaxOriginBytes,
            CommittedAlone => 1 + TransactionId.Bytes,
            _ => 0,
        };
        return length <= stored.Length ? length : throw new InvalidDataException("the origin of a version is cut short");
    }

    /// <summary>Takes stored bytes apart; the value shares their memory.</summary>
    /// <exception cref="InvalidDataException">The code is not known: written by a newer version.</exception>
    public static (string ContentType, ReadOnlyMemory<byte> Value) Read(ReadOnlyMemory<byte> stored)
    {
        var span = stored.Span;
        if (span.IsEmpty)
            return ("", stored);
        if (span[0] < WellKnown.Length)
            return (WellKnown[span[0]], stored[1..]);
        if (span[0] is Prepared or CommittedAlone)
        {
            stored = stored[OriginLength(span)..];
            span = stored.Span;
            if (span.IsEmpty)
                return ("", stored);
            if (span[0] < WellKnown.Length)
                return (WellKnown[span[0]], stored[1..]);
        }

        if (span[0] != SpelledOut)
            throw new InvalidDataException($"unknown media type code {span[0]} in a stored value");
        var length = span.Length > 1 ? span[1] : 0;
        if (span.Length < 2 + length)
            throw new InvalidDataException("the media type of a stored value is cut short");
        return (Encoding.ASCII.GetString(span.Slice(2, length)), stored[(2 + length)..]);
    }
}

using System.Text;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The bytes that a version stores: a media type, then the value.
/// <code>
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

    private const byte SpelledOut = byte.MaxValue;

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

    /// <summary>Takes stored bytes apart; the value shares their memory.</summary>
    /// <exception cref="InvalidDataException">The code is not known: written by a newer version.</exception>
    public static (string ContentType, ReadOnlyMemory<byte> Value) Read(ReadOnlyMemory<byte> stored)
    {
        var span = stored.Span;
        if (span.IsEmpty)
            return ("", stored);
        if (span[0] < WellKnown.Length)
            return (WellKnown[span[0]], stored[1..]);
        if (span[0] != SpelledOut)
            throw new InvalidDataException($"unknown media type code {span[0]} in a stored value");
        var length = span[1];
        return (Encoding.ASCII.GetString(span.Slice(2, length)), stored[(2 + length)..]);
    }
}

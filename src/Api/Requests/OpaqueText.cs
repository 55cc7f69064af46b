using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Numerics;

namespace GrainDb.Api.Requests;

/// <summary>Bytes that clients carry as text without looking inside: base64url, with a CRC-32C (big-endian) behind them, so that a damaged one is told.</summary>
internal static class OpaqueText
{
    private const int ChecksumLength = 4;

    public static string Format(ReadOnlySpan<byte> body)
    {
        var bytes = new byte[body.Length + ChecksumLength];
        body.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(body.Length), Checksum(body));
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Takes the text apart.</summary>
    /// <param name="text">What a client gave.</param>
    /// <param name="least">Fewest bytes of the body.</param>
    /// <param name="most">Most bytes of the body.</param>
    /// <param name="body">The body; empty when it is not one of ours.</param>
    public static bool TryParse(string text, int least, int most, out ReadOnlySpan<byte> body)
    {
        body = default;
        if (text.Length > Base64Url.GetEncodedLength(most + ChecksumLength) || !Base64Url.IsValid(text, out var length) || length < least + ChecksumLength)
            return false;
        var bytes = new byte[length];
        if (Base64Url.DecodeFromChars(text, bytes, out _, out var written) != OperationStatus.Done || written != length)
            return false;
        var found = bytes.AsSpan(0, length - ChecksumLength);
        if (found.Length > most || BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(found.Length)) != Checksum(found))
            return false;
        body = found;
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var checksum = uint.MaxValue;
        foreach (var value in bytes)
            checksum = BitOperations.Crc32C(checksum, value);
        return ~checksum;
    }
}

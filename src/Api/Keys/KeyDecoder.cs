using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>
/// The one decoder of keys. In a path or query a key is percent-encoded UTF-8: every byte that is not a letter, digit or
/// <c>-._~</c> may be encoded, none must be that HTTP lets through. So <c>a%2Fb</c> and <c>a/b</c> are the same key, and
/// <c>..</c>, <c>.</c> and empty segments are bytes like any other. Arbitrary bytes are base64url with or without padding.
/// Nothing here throws on any input.
/// </summary>
internal static class KeyDecoder
{
    /// <summary>Longest text parameter that is not a key, decoded (a cursor holds a whole key in base64url).</summary>
    public const int MaxTextBytes = 16 * 1024;

    private static readonly SearchValues<char> Base64UrlAlphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// <summary>Decodes percent-encoded UTF-8 of at most <see cref="KeyLimits.MaxKeyBytes"/>; empty is allowed.</summary>
    /// <param name="encoded">As it stands in the request target.</param>
    /// <param name="name">What it is called in an error.</param>
    /// <param name="plusIsSpace">True in a query, false in a path.</param>
    /// <param name="bytes">The decoded bytes.</param>
    /// <param name="failure">What is wrong, with the position.</param>
    public static bool TryDecodePercent(
        ReadOnlySpan<char> encoded,
        string name,
        bool plusIsSpace,
        [NotNullWhen(true)] out byte[]? bytes,
        [NotNullWhen(false)] out Failure? failure) =>
        TryDecode(encoded, name, plusIsSpace, ErrorCode.InvalidKey, ErrorCode.KeyTooLarge, KeyLimits.MaxKeyBytes, out bytes, out failure);

    /// <summary>The same for a parameter that is not a key.</summary>
    public static bool TryDecodeText(
        ReadOnlySpan<char> encoded,
        string name,
        bool plusIsSpace,
        [NotNullWhen(true)] out byte[]? bytes,
        [NotNullWhen(false)] out Failure? failure) =>
        TryDecode(encoded, name, plusIsSpace, ErrorCode.InvalidRequest, ErrorCode.InvalidRequest, MaxTextBytes, out bytes, out failure);

    /// <summary>Decodes base64url of at most <see cref="KeyLimits.MaxKeyBytes"/> bytes; empty is allowed.</summary>
    public static bool TryDecodeBase64(
        ReadOnlySpan<char> text,
        string name,
        [NotNullWhen(true)] out byte[]? bytes,
        [NotNullWhen(false)] out Failure? failure)
    {
        bytes = null;
        failure = null;
        var unpadded = text.TrimEnd('=');
        var padding = text.Length - unpadded.Length;
        var wrong = unpadded.IndexOfAnyExcept(Base64UrlAlphabet);
        if (wrong >= 0)
            failure = Failure.NotApplied(ErrorCode.InvalidKey, $"{name} is not base64url: {Show(unpadded[wrong])} at position {wrong}. The alphabet is A-Z a-z 0-9 - _.");
        else if (unpadded.Length % 4 == 1 || (padding != 0 && text.Length % 4 != 0) || padding > 2)
            failure = Failure.NotApplied(ErrorCode.InvalidKey, $"{name} is not base64url: {text.Length} characters cannot be a whole encoding.");
        else if (Base64Url.GetMaxDecodedLength(unpadded.Length) is var length && length > KeyLimits.MaxKeyBytes)
            failure = TooLong(name, ErrorCode.KeyTooLarge, length, KeyLimits.MaxKeyBytes);
        if (failure is not null)
            return false;

        var decoded = new byte[Base64Url.GetMaxDecodedLength(unpadded.Length)];
        if (Base64Url.DecodeFromChars(unpadded, decoded, out _, out var written) != OperationStatus.Done || written != decoded.Length)
        {
            failure = Failure.NotApplied(ErrorCode.InvalidKey, $"{name} is not base64url: the last character carries bits that no byte has.");
            return false;
        }

        bytes = decoded;
        return true;
    }

    /// <summary>Refuses what no key may be: empty, or too long.</summary>
    public static Failure? CheckLength(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty)
            return Failure.NotApplied(ErrorCode.InvalidKey, "The key is empty. A scan is GET /v1/kv/{keyspace} without a final slash; a key of arbitrary bytes goes into key64.");
        return key.Length > KeyLimits.MaxKeyBytes ? TooLong("The key", ErrorCode.KeyTooLarge, key.Length, KeyLimits.MaxKeyBytes) : null;
    }

    private static bool TryDecode(
        ReadOnlySpan<char> encoded,
        string name,
        bool plusIsSpace,
        ErrorCode malformed,
        ErrorCode tooLong,
        int limit,
        [NotNullWhen(true)] out byte[]? bytes,
        [NotNullWhen(false)] out Failure? failure)
    {
        bytes = null;
        failure = CheckEscapes(encoded, name, malformed, out var length);
        if (failure is null && length > limit)
            failure = TooLong(name, tooLong, length, limit);
        if (failure is not null)
            return false;

        var decoded = new byte[length];
        var filled = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            var character = encoded[i];
            if (character == '%')
            {
                decoded[filled++] = (byte)((HexValue(encoded[i + 1]) << 4) | HexValue(encoded[i + 2]));
                i += 2;
            }
            else
            {
                decoded[filled++] = character == '+' && plusIsSpace ? (byte)' ' : (byte)character;
            }
        }

        failure = CheckUtf8(decoded, name, malformed);
        if (failure is not null)
            return false;
        bytes = decoded;
        return true;
    }

    /// <summary>Checks that all is ASCII and every escape whole, and counts the decoded bytes.</summary>
    private static Failure? CheckEscapes(ReadOnlySpan<char> encoded, string name, ErrorCode malformed, out int length)
    {
        length = 0;
        for (var i = 0; i < encoded.Length; i++, length++)
        {
            var character = encoded[i];
            if (!char.IsAscii(character))
                return Failure.NotApplied(malformed, $"{name} has {Show(character)} at position {i}; everything outside ASCII must be percent-encoded UTF-8.");
            if (character != '%')
                continue;
            if (i + 2 >= encoded.Length || !char.IsAsciiHexDigit(encoded[i + 1]) || !char.IsAsciiHexDigit(encoded[i + 2]))
                return Failure.NotApplied(malformed, $"{name} has a bad percent-encoding at position {i}: '%' needs two hex digits.");
            i += 2;
        }

        return null;
    }

    private static Failure? CheckUtf8(ReadOnlySpan<byte> bytes, string name, ErrorCode malformed)
    {
        if (Utf8.IsValid(bytes))
            return null;
        var position = 0;
        while (Rune.DecodeFromUtf8(bytes[position..], out _, out var consumed) == OperationStatus.Done)
            position += consumed;
        return Failure.NotApplied(
            malformed,
            $"{name} is not UTF-8: byte 0x{bytes[position]:X2} at position {position} of the decoded bytes. Arbitrary bytes go into the base64url form (key64, prefix64, start64, end64).");
    }

    private static int HexValue(char digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static string Show(char character) => character is > ' ' and < '\x7F' ? $"'{character}'" : $"U+{(int)character:X4}";

    private static Failure TooLong(string name, ErrorCode code, int length, int limit) =>
        Failure.NotApplied(code, $"{name} has {length} bytes; the limit is {limit}.");
}

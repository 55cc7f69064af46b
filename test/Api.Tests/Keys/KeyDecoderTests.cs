using System.Buffers.Text;
using System.Text;
using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class KeyDecoderTests
{
    private static readonly Gen<byte[]> AnyBytes = Gen.Byte.Array[0, 300];

    [Theory]
    [InlineData("a", "a")]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("../.", "../.")]
    [InlineData("a//b/", "a//b/")]
    [InlineData("%25", "%")]
    [InlineData("%00", "\0")]
    [InlineData("a+b", "a+b")]
    [InlineData("%F0%9F%98%80", "\U0001F600")]
    [InlineData("%f0%9f%98%80", "\U0001F600")]
    [InlineData("", "")]
    public void A_path_decodes_to_its_bytes(string encoded, string text)
    {
        Assert.True(KeyDecoder.TryDecodePercent(encoded, "The key", plusIsSpace: false, out var bytes, out _));
        Assert.Equal(Encoding.UTF8.GetBytes(text), bytes);
    }

    [Theory]
    [InlineData("%", "position 0")]
    [InlineData("ab%2", "position 2")]
    [InlineData("ab%zz", "position 2")]
    [InlineData("aaaa%%%", "position 4")]
    [InlineData("%41%4g", "position 3")]
    [InlineData("a\u00e9", "U+00E9 at position 1")]
    [InlineData("ok%FF", "byte 0xFF at position 2")]
    [InlineData("%C3", "byte 0xC3 at position 0")]
    [InlineData("a%ED%A0%80", "byte 0xED at position 1")]
    [InlineData("%C0%AF", "byte 0xC0 at position 0")]
    public void Bad_input_is_refused_with_its_position(string encoded, string where)
    {
        Assert.False(KeyDecoder.TryDecodePercent(encoded, "The key", plusIsSpace: false, out _, out var failure));
        Assert.Equal(ErrorCode.InvalidKey, failure.Code);
        Assert.Contains(where, failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plus_is_a_space_in_a_query_only()
    {
        Assert.True(KeyDecoder.TryDecodePercent("a+%2B", "prefix", plusIsSpace: true, out var bytes, out _));
        Assert.Equal("a +"u8.ToArray(), bytes);
    }

    [Fact]
    public void The_length_limit_is_on_decoded_bytes()
    {
        var longest = string.Concat(Enumerable.Repeat("%41", KeyLimits.MaxKeyBytes));
        Assert.True(KeyDecoder.TryDecodePercent(longest, "The key", plusIsSpace: false, out var bytes, out _));
        Assert.Equal(KeyLimits.MaxKeyBytes, bytes.Length);
        Assert.Null(KeyDecoder.CheckLength(bytes));
        Assert.False(KeyDecoder.TryDecodePercent(longest + "a", "The key", plusIsSpace: false, out _, out var failure));
        Assert.Equal(ErrorCode.KeyTooLarge, failure.Code);
        Assert.Contains("4097", failure.Detail, StringComparison.Ordinal);
        Assert.Contains("4096", failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_text_survives_every_way_of_encoding_it() => Gen.Select(Gen.String[0, 200], Gen.Int).Sample((text, seed) =>
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var random = new Random(seed);
        var encoded = new StringBuilder();
        foreach (var value in bytes)
        {
            // Whatever may stand as itself is sometimes escaped anyway, in either case of hex.
            var plain = value is > 0x20 and < 0x7F and not (byte)'%' && random.Next(2) == 0;
            encoded.Append(plain ? ((char)value).ToString() : random.Next(2) == 0 ? $"%{value:X2}" : $"%{value:x2}");
        }

        return KeyDecoder.TryDecodePercent(encoded.ToString(), "The key", plusIsSpace: false, out var decoded, out _) && decoded.AsSpan().SequenceEqual(bytes);
    });

    [Fact]
    public void Percent_encoded_bytes_decode_exactly_when_they_are_utf8() => AnyBytes.Sample(bytes =>
    {
        var encoded = string.Concat(bytes.Select(value => $"%{value:X2}"));
        var decoded = KeyDecoder.TryDecodePercent(encoded, "The key", plusIsSpace: false, out var back, out var failure);
        return decoded
            ? back.AsSpan().SequenceEqual(bytes) && Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes)).AsSpan().SequenceEqual(bytes)
            : failure!.Code == ErrorCode.InvalidKey && !System.Text.Unicode.Utf8.IsValid(bytes);
    });

    [Fact]
    public void All_bytes_survive_base64url_padded_or_not() => AnyBytes.Sample(bytes =>
    {
        var text = Base64Url.EncodeToString(bytes);
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        return KeyDecoder.TryDecodeBase64(text, "key64", out var plain, out _) && plain.AsSpan().SequenceEqual(bytes)
            && KeyDecoder.TryDecodeBase64(padded, "key64", out var back, out _) && back.AsSpan().SequenceEqual(bytes);
    });

    [Theory]
    [InlineData("A")]
    [InlineData("AAAAA")]
    [InlineData("AB+D")]
    [InlineData("AB/D")]
    [InlineData("AB D")]
    [InlineData("AA=")]
    [InlineData("AA===")]
    [InlineData("=")]
    [InlineData("A\u00c4AA")]
    [InlineData("AB")]
    public void Bad_base64url_is_refused(string text)
    {
        Assert.False(KeyDecoder.TryDecodeBase64(text, "key64", out _, out var failure));
        Assert.Equal(ErrorCode.InvalidKey, failure.Code);
    }

    [Fact]
    public void Nothing_throws_on_any_text() => Gen.OneOf(Gen.String, Gen.String["%0123456789abcdefABCDEFgz=-_+/."]).Array[1, 3].Sample(parts =>
    {
        var text = string.Concat(parts);
        foreach (var plusIsSpace in new[] { true, false })
        {
            if (KeyDecoder.TryDecodePercent(text, "The key", plusIsSpace, out var bytes, out var failure) == failure is not null || bytes is null == failure is null)
                return false;
        }

        return KeyDecoder.TryDecodeBase64(text, "key64", out var decoded, out var refused) != refused is not null && decoded is null != refused is null;
    });
}

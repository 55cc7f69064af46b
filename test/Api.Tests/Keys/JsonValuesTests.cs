using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using CsCheck;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class JsonValuesTests
{
    [Theory]
    [InlineData("application/json", "{\"a\":1.50}", "json")]
    [InlineData("application/json; charset=utf-8", "[1,\n2]", "json")]
    [InlineData("application/problem+json", "null", "json")]
    [InlineData("application/json", "{\"a\":}", "value")]
    [InlineData("application/json", "", "value")]
    [InlineData("application/json", "1 2", "value")]
    [InlineData("text/plain", "{\"a\":1}", "value")]
    [InlineData("", "text \0 with \" everything \u2028 \U0001F600", "value")]
    public void The_form_follows_type_and_bytes(string contentType, string text, string form)
    {
        var item = Write(contentType, Encoding.UTF8.GetBytes(text));
        var member = Assert.Single(item.EnumerateObject());
        Assert.Equal(form, member.Name);
        if (form == "value")
            Assert.Equal(text, member.Value.GetString());
        else
            Assert.Equal(text.Replace('\n', ' '), member.Value.GetRawText());
    }

    [Fact]
    public void Documents_that_are_too_deep_travel_as_text()
    {
        var deepest = new string('[', JsonValues.MaxJsonDepth) + new string(']', JsonValues.MaxJsonDepth);
        Assert.True(Write("application/json", Encoding.UTF8.GetBytes(deepest)).TryGetProperty("json", out _));
        Assert.True(Write("application/json", Encoding.UTF8.GetBytes($"[{deepest}]")).TryGetProperty("value", out _));
    }

    [Fact]
    public void All_bytes_come_back() => Gen.Select(Gen.OneOf(Gen.Byte.Array, Gen.String.Select(Encoding.UTF8.GetBytes)), Gen.OneOf(Gen.Const("application/json"), Gen.Const("text/html"), Gen.Const(""))).Sample((bytes, contentType) =>
    {
        var item = Write(contentType, bytes);
        var back = item.TryGetProperty("value", out var text) ? Encoding.UTF8.GetBytes(text.GetString()!)
            : item.TryGetProperty("value64", out var encoded) ? Base64Url.DecodeFromChars(encoded.GetString())
            : Encoding.UTF8.GetBytes(item.GetProperty("json").GetRawText());
        // Line breaks between tokens of a document are the one thing that may change.
        return back.AsSpan().SequenceEqual(bytes) || item.TryGetProperty("json", out _);
    });

    [Fact]
    public void Ascii_is_escaped_as_the_framework_does_it() => Gen.Byte[0, 127].Array[0, 2000].Sample(ascii =>
    {
        var expected = Serialize(writer => writer.WriteString("value"u8, ascii));
        return Serialize(writer => JsonText.Write(writer, "value"u8, ascii)).AsSpan().SequenceEqual(expected);
    });

    [Fact]
    public void A_timestamp_is_its_text() => Gen.ULong.Sample(value =>
    {
        using var document = JsonDocument.Parse(Serialize(writer => JsonValues.WriteTimestamp(writer, "version"u8, new Timestamp(value))));
        return document.RootElement.GetProperty("version").GetString() == new Timestamp(value).ToString();
    });

    [Fact]
    public void A_row_never_holds_a_raw_line_break() => Gen.OneOf(Gen.String, Gen.Const("{\n\"a\"\r\n:\n1}\n")).Sample(text =>
        !Serialize("application/json", Encoding.UTF8.GetBytes(text)).AsSpan().ContainsAny((byte)'\n', (byte)'\r'));

    [Fact]
    public void All_keys_come_back() => Gen.Byte.Array[1, 100].Sample(key =>
    {
        using var document = JsonDocument.Parse(Serialize(writer => JsonValues.WriteKey(writer, key)));
        var item = document.RootElement;
        var back = item.TryGetProperty("key", out var text) ? Encoding.UTF8.GetBytes(text.GetString()!) : Base64Url.DecodeFromChars(item.GetProperty("key64").GetString());
        return back.AsSpan().SequenceEqual(key) && item.EnumerateObject().Count() == 1;
    });

    private static JsonElement Write(string contentType, byte[] value) => JsonDocument.Parse(Serialize(contentType, value)).RootElement;

    private static byte[] Serialize(string contentType, byte[] value) => Serialize(writer => JsonValues.WriteValue(writer, contentType, value));

    private static byte[] Serialize(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, JsonValues.WriterOptions))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using GrainDb.Api.Keys;

namespace GrainDb.Api.Keyspaces;

/// <summary>A key in JSON where it stands alone: a string, or <c>{"key64": …}</c> when its bytes are not UTF-8.</summary>
/// <param name="Bytes">The key.</param>
[JsonConverter(typeof(SplitKeyConverter))]
public sealed record SplitKey(byte[] Bytes);

internal sealed class SplitKeyConverter : JsonConverter<SplitKey>
{
    public override SplitKey Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return new SplitKey(Encoding.UTF8.GetBytes(reader.GetString()!));
        if (reader.TokenType != JsonTokenType.StartObject || !reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
            throw Wrong();
        var encoded = reader.ValueTextEquals("key64"u8) ? true : reader.ValueTextEquals("key"u8) ? false : throw Wrong();
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            throw Wrong();
        var text = reader.GetString()!;
        if (!reader.Read() || reader.TokenType != JsonTokenType.EndObject)
            throw Wrong();
        if (!encoded)
            return new SplitKey(Encoding.UTF8.GetBytes(text));
        return KeyDecoder.TryDecodeBase64(text, "key64", out var bytes, out var failure) ? new SplitKey(bytes) : throw new JsonException(failure.Detail);
    }

    public override void Write(Utf8JsonWriter writer, SplitKey value, JsonSerializerOptions options)
    {
        if (Utf8.IsValid(value.Bytes))
        {
            writer.WriteStringValue(value.Bytes);
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("key64"u8, Base64Url.EncodeToString(value.Bytes));
        writer.WriteEndObject();
    }

    private static JsonException Wrong() => new("A split key is a string, or an object with exactly one of key and key64.");
}

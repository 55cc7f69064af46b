using System.Buffers;
using System.Buffers.Text;
using System.ComponentModel;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GrainDb.Api.Crdts;

/// <summary>The body of <c>POST /v1/crdt/{keyspace}/{key}</c>: exactly one member.</summary>
public sealed record CrdtBody
{
    [Description("Counters: how much to add, a whole number of 64 bits; may be negative.")]
    public long? Increment { get; init; }

    [Description("Sets: elements to add, each a string, or {\"value64\": …} for arbitrary bytes.")]
    public List<CrdtElement?>? Add { get; init; }

    [Description("Sets: elements to remove. Maps: fields to remove. With GrainDb-Context only what that has seen, else what the coordinating replica knows.")]
    public List<CrdtElement?>? Remove { get; init; }

    [Description("Maps: an object, each of whose members sets a field to any JSON. Registers: the value, any JSON.")]
    public JsonElement Set { get; init; }
}

/// <summary>An element of a set, or the name of a field: a string, or <c>{"value64": …}</c> when its bytes are not UTF-8.</summary>
/// <param name="Bytes">The element.</param>
[JsonConverter(typeof(CrdtElementConverter))]
public sealed record CrdtElement(byte[] Bytes);

internal sealed class CrdtElementConverter : JsonConverter<CrdtElement>
{
    public override CrdtElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return new CrdtElement(Encoding.UTF8.GetBytes(reader.GetString()!));
        if (reader.TokenType != JsonTokenType.StartObject || !reader.Read() || reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("value64"u8))
            throw Wrong();
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
            throw Wrong();
        var text = reader.GetString()!;
        if (!reader.Read() || reader.TokenType != JsonTokenType.EndObject)
            throw Wrong();
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        return Base64Url.DecodeFromChars(text, bytes, out _, out var written) == OperationStatus.Done
            ? new CrdtElement(bytes[..written])
            : throw new JsonException("value64 is not base64url.");
    }

    public override void Write(Utf8JsonWriter writer, CrdtElement value, JsonSerializerOptions options) => CrdtAnswers.WriteElement(writer, value.Bytes);

    private static JsonException Wrong() => new("An element is a string, or an object with value64.");
}

using System.Text.Json;
using System.Text.Unicode;
using GrainDb.Api.Eventual;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Crdts;

/// <summary>What a data type holds, as JSON.</summary>
internal static class CrdtAnswers
{
    public static async ValueTask WriteAsync(HttpContext context, ConflictPolicy policy, EventualContent content, ReadOnlyMemory<byte> seen)
    {
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await using var writer = new PacedJsonWriter(context);
        var json = writer.Json;
        json.WriteStartObject();
        json.WriteString("type"u8, TypeOf(policy));
        json.WritePropertyName("value"u8);
        switch (policy)
        {
            case ConflictPolicy.Counter:
                json.WriteRawValue(content.Sum.ToString(System.Globalization.CultureInfo.InvariantCulture), skipInputValidation: true);
                break;
            case ConflictPolicy.ObservedRemoveSet:
                json.WriteStartArray();
                foreach (var element in content.Fields)
                    WriteElement(json, element.Name.Span);
                json.WriteEndArray();
                break;
            case ConflictPolicy.LastWriterWinsMap:
                json.WriteStartObject();
                foreach (var field in content.Fields)
                {
                    json.WritePropertyName(field.Name.Span);
                    WriteValue(json, field.Value.Span);
                }

                json.WriteEndObject();
                break;
            default:
                if (content.Fields is [var register])
                    WriteValue(json, register.Value.Span);
                else
                    json.WriteNullValue();
                break;
        }

        json.WriteString("context"u8, ContextText.Format(seen));
        json.WriteEndObject();
        await writer.FlushAsync();
    }

    public static string TypeOf(ConflictPolicy policy) => policy switch
    {
        ConflictPolicy.Counter => "counter",
        ConflictPolicy.ObservedRemoveSet => "orset",
        ConflictPolicy.LastWriterWinsMap => "lwwmap",
        ConflictPolicy.Register => "register",
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "Not a data type."),
    };

    public static void WriteElement(Utf8JsonWriter writer, ReadOnlySpan<byte> element)
    {
        if (Utf8.IsValid(element))
        {
            writer.WriteStringValue(element);
            return;
        }

        writer.WriteStartObject();
        JsonValues.WriteBase64(writer, "value64"u8, element);
        writer.WriteEndObject();
    }

    /// <summary>Values come in as JSON here. What else was written by other ways is shown as an element is.</summary>
    private static void WriteValue(Utf8JsonWriter writer, ReadOnlySpan<byte> value)
    {
        if (!JsonValues.TryWriteDocument(writer, value))
            WriteElement(writer, value);
    }
}

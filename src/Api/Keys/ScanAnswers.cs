using System.Text.Json;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace GrainDb.Api.Keys;

/// <summary>A page of a scan as one JSON object or as ndjson, inside a transaction or not.</summary>
internal static class ScanAnswers
{
    public const string NdJson = "application/x-ndjson";

    /// <param name="context">The request; its other response headers are set.</param>
    /// <param name="result">A page that was served.</param>
    /// <param name="cursor">Continues the scan; null when it is complete.</param>
    /// <param name="keysOnly">Leave the values out.</param>
    public static Task WriteAsync(HttpContext context, ScanResult result, string? cursor, bool keysOnly) => WantsNdJson(context.Request)
        ? WriteLinesAsync(context, result, cursor, keysOnly)
        : WriteObjectAsync(context, result, cursor, keysOnly);

    /// <summary>One row. What a transaction wrote itself has no version yet.</summary>
    public static void WriteItem(Utf8JsonWriter writer, ScanItem item, bool keysOnly)
    {
        writer.WriteStartObject();
        JsonValues.WriteKey(writer, item.Key.Span);
        if (!keysOnly)
            JsonValues.WriteValue(writer, item.ContentType, item.Value.Span);
        if (!item.Version.IsZero)
            JsonValues.WriteTimestamp(writer, "version"u8, item.Version);
        if (!keysOnly)
            writer.WriteString("contentType"u8, MediaType.ToServe(item.ContentType));
        writer.WriteEndObject();
    }

    /// <summary>Asked for by name, and not less than JSON.</summary>
    private static bool WantsNdJson(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
            return false;
        double QualityOf(string mediaType) => accepted.FirstOrDefault(range => range.MediaType.Equals(mediaType, StringComparison.OrdinalIgnoreCase)) is { } range ? range.Quality ?? 1 : 0;
        var quality = QualityOf(NdJson);
        return quality > 0 && quality >= QualityOf("application/json");
    }

    private static async Task WriteObjectAsync(HttpContext context, ScanResult result, string? cursor, bool keysOnly)
    {
        context.Response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("items"u8);
        foreach (var item in result.Items)
        {
            WriteItem(writer.Json, item, keysOnly);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        if (cursor is not null)
            writer.Json.WriteString("cursor"u8, cursor);
        writer.Json.WriteString("readTimestamp"u8, result.ReadTimestamp.ToString());
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
    }

    // Every line is an item and nothing else; what continues the scan stands in headers.
    private static async Task WriteLinesAsync(HttpContext context, ScanResult result, string? cursor, bool keysOnly)
    {
        context.Response.ContentType = NdJson;
        if (cursor is not null)
            context.Response.Headers[KeyHeaders.Cursor] = cursor;
        await using var writer = new PacedJsonWriter(context);
        foreach (var item in result.Items)
        {
            WriteItem(writer.Json, item, keysOnly);
            writer.EndLine();
            await writer.PaceAsync();
        }

        await writer.FlushAsync();
    }
}

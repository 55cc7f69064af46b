using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace GrainDb.Api.Keys;

/// <summary>A page of a scan, as one JSON object or as ndjson.</summary>
internal sealed class ScanApi(IKeyValueStore store, TimeProvider time)
{
    public const string NdJson = "application/x-ndjson";

    private static readonly string[] Parameters =
    [
        "prefix", "prefix64", "start", "start64", "end", "end64", "limit", "reverse", "keysOnly",
        KeysApi.AsOfParameter, "cursor", Consistency.Parameter, KeyRequest.ExplainParameter,
    ];

    public async ValueTask<Failure?> ScanAsync(HttpContext context)
    {
        var request = KeyRequest.Read(context, write: false, Parameters);
        request.RefuseExplain();
        var query = ReadQuery(request.Query);
        var hash = ScanCursor.Hash(request.Keyspace, query);
        if (request.Query.Text("cursor") is { } text)
        {
            var cursor = ScanCursor.Parse(text, hash);
            query = query with { AsOf = cursor.ReadTimestamp, ResumeKey = cursor.ResumeKey };
        }

        var result = await store.ScanAsync(request.Keyspace, query, request.Consistency, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var next = result.ResumeKey is { } resume ? new ScanCursor(hash, result.ReadTimestamp, resume).Format() : null;
        KeyHeaders.SetRead(context.Response.Headers, result.ReadTimestamp, result.Staleness, result.ServedBy, request.Session);
        if (WantsNdJson(context.Request))
            await WriteLinesAsync(context, result, next, query.KeysOnly);
        else
            await WriteObjectAsync(context, result, next, query.KeysOnly);
        return null;
    }

    private ScanQuery ReadQuery(QueryParameters parameters)
    {
        var prefix = parameters.Bytes("prefix", "prefix64");
        var start = parameters.Bytes("start", "start64");
        var end = parameters.Bytes("end", "end64");
        if (prefix is not null && (start is not null || end is not null))
            throw BadInput.Request("prefix and start or end exclude each other.");
        // No key lies below an empty end, so it can only mean that there is none.
        if (end is { Length: 0 })
            end = null;
        if (start is not null && end is not null && start.AsSpan().SequenceCompareTo(end) >= 0)
            throw BadInput.Request("start must be below end: start is the first key of the interval, end the first key after it.");

        return new ScanQuery(
            prefix ?? start ?? [],
            prefix is not null ? ScanQuery.EndOfPrefix(prefix) : EndOf(end),
            AsOf.Parse(parameters.Text(KeysApi.AsOfParameter), time),
            parameters.Integer("limit", KeyLimits.DefaultScanLimit, 1, KeyLimits.MaxScanLimit),
            parameters.Flag("reverse"),
            parameters.Flag("keysOnly"),
            ResumeKey: null);
    }

    // Spelled out, because a null array converts to an empty memory, which would be an end below every key.
    private static ReadOnlyMemory<byte>? EndOf(byte[]? end)
    {
        if (end is null)
            return null;
        return end;
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

    private static void WriteItem(Utf8JsonWriter writer, ScanItem item, bool keysOnly)
    {
        writer.WriteStartObject();
        JsonValues.WriteKey(writer, item.Key.Span);
        if (!keysOnly)
            JsonValues.WriteValue(writer, item.ContentType, item.Value.Span);
        writer.WriteString("version"u8, item.Version.ToString());
        if (!keysOnly)
            writer.WriteString("contentType"u8, MediaType.ToServe(item.ContentType));
        writer.WriteEndObject();
    }
}

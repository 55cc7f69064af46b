using System.Text.Json;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>All retained versions of a key, newest first. A key without any answers with none.</summary>
internal sealed class HistoryApi(IKeyValueStore store)
{
    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var request = KeyRequest.Read(context, write: false, KeyRequest.Key64Parameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        request.RefuseExplain();
        var result = await store.HistoryAsync(request.Keyspace, request.RequireKey(), request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var response = context.Response;
        KeyHeaders.SetServed(response.Headers, result.ServedBy, request.Session);
        response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("versions"u8);
        foreach (var version in result.Versions)
        {
            WriteVersion(writer.Json, version);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteString("gcThreshold"u8, result.GcThreshold.ToString());
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
        return null;
    }

    private static void WriteVersion(Utf8JsonWriter writer, HistoryItem item)
    {
        writer.WriteStartObject();
        writer.WriteString("version"u8, item.Version.ToString());
        writer.WriteString("time"u8, Rfc3339.Format(item.Version));
        writer.WriteBoolean("deleted"u8, item.Deleted);
        if (!item.Deleted)
        {
            writer.WriteString("contentType"u8, MediaType.ToServe(item.ContentType));
            JsonValues.WriteValue(writer, item.ContentType, item.Value.Span);
        }

        if (!item.ExpiresAt.IsZero)
            writer.WriteString("expiresAt"u8, Rfc3339.Format(item.ExpiresAt));
        writer.WriteEndObject();
    }
}

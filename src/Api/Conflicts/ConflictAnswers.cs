using System.Text.Json;
using System.Text.Unicode;
using GrainDb.Api.Eventual;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Eventual;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Conflicts;

/// <summary>Ended conflicts as JSON.</summary>
internal static class ConflictAnswers
{
    public static async ValueTask WriteAsync(HttpContext context, string keyspace, bool areDocuments, ConflictPage page)
    {
        context.Response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("conflicts"u8);
        foreach (var conflict in page.Conflicts)
        {
            Write(writer.Json, keyspace, areDocuments, conflict);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        if (page.Next is { } next)
            writer.Json.WriteString("cursor"u8, ConflictCursor.Format(keyspace, next));
        writer.Json.WriteStartArray("missing"u8);
        foreach (var node in page.Missing)
            writer.Json.WriteStringValue(node);
        writer.Json.WriteEndArray();
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
    }

    private static void Write(Utf8JsonWriter json, string keyspace, bool areDocuments, ConflictRecord conflict)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, new ConflictId(keyspace, conflict.Key, new(conflict.At, conflict.Winner)).Format());
        json.WriteString("keyspace"u8, keyspace);
        JsonValues.WriteKey(json, conflict.Key.Span);
        json.WriteString("resolvedBy"u8, conflict.Resolution == ConflictResolution.Writer ? "writer" : "timestamp");
        json.WriteString("winner"u8, DotText.Format(conflict.Winner));
        json.WriteString("at"u8, Rfc3339.Format(conflict.At));
        json.WriteStartArray("losers"u8);
        foreach (var loser in conflict.Losers)
        {
            json.WriteStartObject();
            json.WriteString("dot"u8, DotText.Format(loser.Dot));
            json.WriteString("version"u8, loser.Timestamp.ToString());
            json.WriteBoolean("deleted"u8, loser.Deleted);
            if (!loser.Field.IsEmpty && Utf8.IsValid(loser.Field.Span))
                json.WriteString("field"u8, loser.Field.Span);
            if (!loser.Deleted)
                WriteValue(json, areDocuments, loser);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Fields of data types are JSON without a media type that says so.</summary>
    private static void WriteValue(Utf8JsonWriter json, bool areDocuments, ConflictLoser loser)
    {
        var contentType = areDocuments && loser.ContentType.Length == 0 ? MediaType.Json : loser.ContentType;
        json.WriteString("contentType"u8, MediaType.ToServe(contentType));
        JsonValues.WriteValue(json, contentType, loser.Value.Span);
    }
}

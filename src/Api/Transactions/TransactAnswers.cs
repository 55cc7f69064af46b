using System.Runtime.InteropServices;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Transactions;

/// <summary>The answer of a one-request transaction: one result per read, in order, then, when it committed, one per write.</summary>
internal static class TransactAnswers
{
    /// <param name="context">The request; its other response headers are set.</param>
    /// <param name="body">As it was sent, to say what a failed check asked.</param>
    /// <param name="asked">The same, bound.</param>
    /// <param name="result">A transaction that was answered.</param>
    public static async Task WriteAsync(HttpContext context, TransactBody body, TransactRequest asked, TransactResult result)
    {
        context.Response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteBoolean("committed"u8, result.Committed);
        if (result.Committed)
            writer.Json.WriteString("commitTimestamp"u8, result.CommitTimestamp.ToString());
        else
            WriteFailedChecks(writer.Json, body, result.FailedChecks);

        writer.Json.WriteStartArray("results"u8);
        foreach (var read in result.Reads)
            await WriteReadAsync(writer, read);
        for (var i = 0; result.Committed && i < asked.Writes.Count; i++)
        {
            writer.Json.WriteStartObject();
            writer.Json.WriteString("version"u8, result.CommitTimestamp.ToString());
            if (i < result.Increments.Count && result.Increments[i] is { } value)
                writer.Json.WriteNumber("value"u8, value);
            writer.Json.WriteEndObject();
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
    }

    private static void WriteFailedChecks(Utf8JsonWriter writer, TransactBody body, IReadOnlyList<int> failed)
    {
        writer.WriteStartArray("failedChecks"u8);
        foreach (var index in failed)
        {
            var check = body.Checks![index]!;
            writer.WriteStartObject();
            writer.WriteNumber("index"u8, index);
            writer.WriteString("keyspace"u8, check.Keyspace);
            WriteGiven(writer, "key"u8, check.Key);
            WriteGiven(writer, "key64"u8, check.Key64);
            WriteGiven(writer, "version"u8, check.Version);
            if (check.Exists is { } exists)
                writer.WriteBoolean("exists"u8, exists);
            WriteGiven(writer, "value"u8, check.Value);
            if (check.Json.ValueKind != JsonValueKind.Undefined)
            {
                writer.WritePropertyName("json"u8);
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(check.Json), skipInputValidation: true);
            }

            WriteGiven(writer, "value64"u8, check.Value64);
            if (check.AtLeast is { } least)
                writer.WriteNumber("atLeast"u8, least);
            if (check.AtMost is { } most)
                writer.WriteNumber("atMost"u8, most);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteGiven(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
            writer.WriteString(name, text);
    }

    private static async ValueTask WriteReadAsync(PacedJsonWriter writer, TransactFound read)
    {
        writer.Json.WriteStartObject();
        if (read.Rows is { } rows)
        {
            writer.Json.WriteStartArray("items"u8);
            foreach (var row in rows)
            {
                ScanAnswers.WriteItem(writer.Json, row, keysOnly: false);
                await writer.PaceAsync();
            }

            writer.Json.WriteEndArray();
        }
        else if (read.Item is { } item)
        {
            writer.Json.WriteBoolean("found"u8, value: true);
            writer.Json.WriteString("version"u8, item.Version.ToString());
            writer.Json.WriteString("contentType"u8, MediaType.ToServe(item.ContentType));
            JsonValues.WriteValue(writer.Json, item.ContentType, item.Value.Span);
        }
        else
        {
            writer.Json.WriteBoolean("found"u8, value: false);
        }

        writer.Json.WriteEndObject();
        await writer.PaceAsync();
    }
}

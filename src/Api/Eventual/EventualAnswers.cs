using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Eventual;

/// <summary>The answer to a GET or HEAD of a key of an eventual keyspace.</summary>
internal static class EventualAnswers
{
    /// <summary>Answers with the one value, as a strong keyspace does, or with all of several; else says that there is none.</summary>
    /// <param name="context">The request; its other response headers are set.</param>
    /// <param name="result">A read that was served.</param>
    /// <param name="content">What a reader sees of it.</param>
    /// <param name="precondition">What a conditional read asks; null for none. Several values have no tag: nobody has them, and they match nothing.</param>
    public static async ValueTask<Failure?> WriteAsync(HttpContext context, EventualReadResult result, EventualContent content, ReadPrecondition? precondition)
    {
        if (content.Values is [] or [_])
        {
            var single = content.Values is [var value]
                ? new ReadResult { Found = true, Version = value.Version, ContentType = value.ContentType, Value = value.Value }
                : new ReadResult();
            return await KeyAnswers.WriteAsync(context, single, precondition, Timestamp.Zero);
        }

        if (precondition?.IfMatch is { Any: false })
            return Failure.NotApplied(ErrorCode.VersionMismatch, $"If-Match names a version, and the key has {content.Values.Count} concurrent values.") with { CurrentVersion = content.Version };
        var response = context.Response;
        response.StatusCode = StatusCodes.Status300MultipleChoices;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-store";
        if (HttpMethods.IsHead(context.Request.Method))
            return null;
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("siblings"u8);
        foreach (var value in content.Values)
        {
            WriteSibling(writer.Json, value);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteString("context"u8, ContextText.Format(result.Context));
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
        return null;
    }

    /// <summary>The members of a read's result in a batch, after its status.</summary>
    public static int StatusOf(EventualContent content) => content.Values.Count > 1 ? StatusCodes.Status300MultipleChoices : StatusCodes.Status200OK;

    public static void WriteMembers(Utf8JsonWriter writer, EventualContent content, ReadOnlyMemory<byte> context)
    {
        if (content.Values is [var single])
        {
            writer.WriteString("version"u8, single.Version.ToString());
            writer.WriteString("contentType"u8, MediaType.ToServe(single.ContentType));
            JsonValues.WriteValue(writer, single.ContentType, single.Value.Span);
        }
        else
        {
            writer.WriteStartArray("siblings"u8);
            foreach (var value in content.Values)
                WriteSibling(writer, value);
            writer.WriteEndArray();
        }

        writer.WriteString("context"u8, ContextText.Format(context));
    }

    private static void WriteSibling(Utf8JsonWriter writer, EventualValue value)
    {
        writer.WriteStartObject();
        JsonValues.WriteValue(writer, value.ContentType, value.Value.Span);
        writer.WriteString("contentType"u8, MediaType.ToServe(value.ContentType));
        writer.WriteString("version"u8, value.Version.ToString());
        writer.WriteString("dot"u8, DotText.Format(value.Dot));
        writer.WriteEndObject();
    }
}

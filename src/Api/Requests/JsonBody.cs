using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using GrainDb.Api.Errors;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Requests;

/// <summary>Reads JSON request bodies and says where one is wrong.</summary>
internal static class JsonBody
{
    /// <summary>Reads a body of at most <paramref name="limit"/> bytes.</summary>
    public static async ValueTask<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type, int limit)
        where T : class
    {
        return Parse(await ReadBytesAsync(context, limit), type);
    }

    /// <summary>The same, not yet parsed.</summary>
    public static async ValueTask<byte[]> ReadBytesAsync(HttpContext context, int limit)
    {
        RequireJson(context.Request.ContentType);
        return await BodyReader.ReadAsync(context, limit, ErrorCode.RequestTooLarge);
    }

    /// <summary>A body that may be left out, not yet parsed; empty then.</summary>
    public static async ValueTask<byte[]> ReadOptionalBytesAsync(HttpContext context, int limit)
    {
        var bytes = await BodyReader.ReadAsync(context, limit, ErrorCode.RequestTooLarge);
        if (bytes.Length > 0)
            RequireJson(context.Request.ContentType);
        return bytes;
    }

    /// <summary>A body that may be left out; null then.</summary>
    public static async ValueTask<T?> ReadOptionalAsync<T>(HttpContext context, JsonTypeInfo<T> type, int limit)
        where T : class
    {
        var bytes = await ReadOptionalBytesAsync(context, limit);
        return bytes.Length == 0 ? null : Parse(bytes, type);
    }

    public static T Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
        where T : class
    {
        if (json.IsEmpty)
            throw BadInput.Request("The body is empty; it must be a JSON object.");
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw BadInput.Request("The body is null; it must be a JSON object.");
        }
        catch (JsonException exception)
        {
            throw BadInput.Request(Describe(exception));
        }
    }

    /// <summary>Whether a media type is JSON: <c>application/json</c> or any <c>+json</c>, with or without parameters.</summary>
    public static bool IsJson(ReadOnlySpan<char> mediaType)
    {
        var semicolon = mediaType.IndexOf(';');
        var essence = (semicolon < 0 ? mediaType : mediaType[..semicolon]).Trim();
        return essence.Equals("application/json", StringComparison.OrdinalIgnoreCase) || essence.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    // A body of another type is refused and not just tried: forms and text/plain are what a foreign web page can post
    // without asking, and a node on loopback must not act on them.
    private static void RequireJson(string? contentType)
    {
        if (!string.IsNullOrEmpty(contentType) && !IsJson(contentType))
            throw BadInput.Of(ErrorCode.UnsupportedMediaType, $"The body is '{QueryParameters.Shorten(contentType)}'; it must be application/json.");
    }

    private static string Describe(JsonException exception)
    {
        var message = exception.Message;
        var position = message.IndexOf(" Path: ", StringComparison.Ordinal);
        if (position < 0)
            position = message.IndexOf(" LineNumber: ", StringComparison.Ordinal);
        var what = exception.InnerException is { } inner and not JsonException ? PlainToken(inner.Message) : Plain(position < 0 ? message : message[..position]);
        // Lines and bytes are counted from 0 by the reader and from 1 by editors; an unknown or repeated member has none.
        var where = exception.LineNumber is { } line ? $"{exception.Path ?? "$"}, line {line + 1}, byte {exception.BytePositionInLine + 1}" : exception.Path ?? "$";
        return $"The JSON body is wrong at {where}: {what}";
    }

    /// <summary>The reader's message in terms of JSON: types of this program mean nothing to a client.</summary>
    private static string Plain(string message)
    {
        if (message.StartsWith("The JSON property ", StringComparison.Ordinal) && message.Contains("could not be mapped", StringComparison.Ordinal))
            return $"the member {message["The JSON property ".Length..message.IndexOf(" could not be mapped", StringComparison.Ordinal)]} is not known.";
        if (message.StartsWith("Duplicate property ", StringComparison.Ordinal) && message.IndexOf(" encountered", StringComparison.Ordinal) is > 0 and var end)
            return $"the member {message["Duplicate property ".Length..end]} is given twice.";
        const string Conversion = "The JSON value could not be converted to ";
        if (!message.StartsWith(Conversion, StringComparison.Ordinal))
            return message;
        var type = message[Conversion.Length..];
        return type.StartsWith("System.Collections.Generic.List", StringComparison.Ordinal) || type.StartsWith("System.Collections.Generic.IReadOnlyList", StringComparison.Ordinal)
            ? "an array is expected."
            : "an object is expected.";
    }

    /// <summary>The same for a single value: <c>Cannot get the value of a token type 'Number' as a string.</c></summary>
    private static string PlainToken(string message)
    {
        const string Token = "Cannot get the value of a token type ";
        var expected = message.LastIndexOf(" as a ", StringComparison.Ordinal);
        if (message.StartsWith(Token, StringComparison.Ordinal) && expected > 0)
            return $"{message[(expected + " as ".Length)..].TrimEnd('.')} is expected.";
        if (message.Contains("Int64", StringComparison.Ordinal))
            return "a whole number of 64 bits is expected.";
        return message.Contains("Int32", StringComparison.Ordinal) ? "a whole number of 32 bits is expected." : message;
    }
}

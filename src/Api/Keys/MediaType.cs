using System.Buffers;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Keys;

/// <summary>Media types of values: stored as given, echoed on reads.</summary>
internal static class MediaType
{
    /// <summary>What a value without a type is served as.</summary>
    public const string Default = "application/octet-stream";

    /// <summary>What text in a JSON body is stored as, unless the request says otherwise.</summary>
    public const string Text = "text/plain; charset=utf-8";

    /// <summary>What JSON in a JSON body is stored as, unless the request says otherwise.</summary>
    public const string Json = "application/json";

    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The type to store; empty for none.</summary>
    /// <exception cref="Interfaces.Errors.GrainDbException">It is no media type, or too long.</exception>
    public static string Check(string? contentType)
    {
        if (string.IsNullOrEmpty(contentType))
            return "";
        if (contentType.Length > KeyLimits.MaxContentTypeBytes)
            throw BadInput.Request($"Content-Type has {contentType.Length} bytes; the limit is {KeyLimits.MaxContentTypeBytes}.");
        return IsServable(contentType)
            ? contentType
            : throw BadInput.Request($"Content-Type is '{QueryParameters.Shorten(contentType)}', which is no media type.");
    }

    /// <summary>The type to serve a stored value with; anything that may not stand in a header is served as bytes.</summary>
    public static string ToServe(string stored) => stored.Length != 0 && IsServable(stored) ? stored : Default;

    private static bool IsServable(ReadOnlySpan<char> contentType)
    {
        var semicolon = contentType.IndexOf(';');
        var essence = (semicolon < 0 ? contentType : contentType[..semicolon]).Trim();
        var slash = essence.IndexOf('/');
        return slash > 0
            && slash < essence.Length - 1
            && !essence[..slash].ContainsAnyExcept(TokenCharacters)
            && !essence[(slash + 1)..].ContainsAnyExcept(TokenCharacters)
            && !contentType.ContainsAnyExceptInRange(' ', '~');
    }
}

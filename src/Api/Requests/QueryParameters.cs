using System.Globalization;
using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Requests;

/// <summary>
/// The query of one request, decoded strictly: a parameter that the route does not know, a repeated one, or one that is
/// badly encoded is an error rather than something to overlook. <c>+</c> is a space here, as in form encoding.
/// </summary>
internal sealed class QueryParameters
{
    private static readonly QueryParameters Empty = new([]);
    private readonly List<(string Name, string Encoded)> _parameters;

    private QueryParameters(List<(string Name, string Encoded)> parameters) => _parameters = parameters;

    /// <summary>Reads the query, of which the route knows <paramref name="known"/>.</summary>
    public static QueryParameters Read(HttpContext context, params ReadOnlySpan<string> known) =>
        Read(RawTarget.Parse(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).Query, known);

    public static QueryParameters Read(ReadOnlySpan<char> query, params ReadOnlySpan<string> known)
    {
        if (query.IsEmpty)
            return Empty;
        var parameters = new List<(string Name, string Encoded)>();
        foreach (var part in query.Split('&'))
        {
            var pair = query[part];
            if (pair.IsEmpty)
                continue;
            var equals = pair.IndexOf('=');
            var name = Decode("parameter name", equals < 0 ? pair : pair[..equals]);
            if (!known.Contains(name))
                throw BadInput.Request(UnknownParameter(name, known));
            if (parameters.Exists(parameter => parameter.Name == name))
                throw BadInput.Request($"The query parameter '{name}' is given more than once.");
            parameters.Add((name, equals < 0 ? "" : pair[(equals + 1)..].ToString()));
        }

        return new(parameters);
    }

    public bool Has(string name) => Find(name) is not null;

    /// <summary>The decoded text; null when the parameter is absent.</summary>
    public string? Text(string name) => Find(name) is { } encoded ? Decode(name, encoded) : null;

    public string Required(string name) => Text(name) is { Length: > 0 } text
        ? text
        : throw BadInput.Request($"The query parameter '{name}' is missing.");

    public bool Flag(string name) => Text(name) switch
    {
        null or "false" => false,
        "true" => true,
        var other => throw BadInput.Request($"The query parameter '{name}' is '{Shorten(other)}'; it must be true or false."),
    };

    public int Integer(string name, int otherwise, int least, int most)
    {
        if (Text(name) is not { } text)
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw BadInput.Request($"The query parameter '{name}' is '{Shorten(text)}'; it must be a whole number from {least} to {most}.");
    }

    /// <summary>
    /// Bytes given as UTF-8 text in <paramref name="name"/> or as base64url in <paramref name="name64"/>; null when
    /// neither is there. At most the length of a key; may be empty.
    /// </summary>
    public byte[]? Bytes(string name, string name64)
    {
        var text = Find(name);
        var encoded = Find(name64);
        if (text is not null && encoded is not null)
            throw BadInput.Request($"'{name}' and '{name64}' exclude each other.");
        if (text is not null)
            return KeyDecoder.TryDecodePercent(text, name, plusIsSpace: true, out var bytes, out var failure) ? bytes : throw new GrainDbException(failure);
        if (encoded is not null)
            return KeyDecoder.TryDecodeBase64(Decode(name64, encoded), name64, out var bytes, out var failure) ? bytes : throw new GrainDbException(failure);
        return null;
    }

    /// <summary>Input for an error message: bounded, so that an error is never larger than what caused it.</summary>
    public static string Shorten(string text) => text.Length <= 64 ? text : $"{text[..64]}…";

    private static string Decode(string name, ReadOnlySpan<char> encoded) =>
        KeyDecoder.TryDecodeText(encoded, name, plusIsSpace: true, out var bytes, out var failure)
            ? Encoding.UTF8.GetString(bytes)
            : throw new GrainDbException(failure);

    private static string UnknownParameter(string name, ReadOnlySpan<string> known) => known.IsEmpty
        ? $"The query parameter '{Shorten(name)}' is not known; this route takes none."
        : $"The query parameter '{Shorten(name)}' is not known; this route takes {string.Join(", ", known!)}.";

    private string? Find(string name)
    {
        foreach (var parameter in _parameters)
        {
            if (parameter.Name == name)
                return parameter.Encoded;
        }

        return null;
    }
}

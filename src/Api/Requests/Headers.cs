using GrainDb.Api.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace GrainDb.Api.Requests;

/// <summary>Reads request headers of which only one may be given.</summary>
internal static class Headers
{
    /// <summary>The value; null when the header is absent.</summary>
    /// <exception cref="Interfaces.Errors.GrainDbException">The header is repeated.</exception>
    public static string? Single(IHeaderDictionary headers, string name) =>
        headers.TryGetValue(name, out var values) ? Single(values, name) : null;

    /// <inheritdoc cref="Single(IHeaderDictionary, string)"/>
    public static string? Single(StringValues values, string name) => values.Count switch
    {
        0 => null,
        1 => values[0],
        _ => throw BadInput.Request($"The header {name} is given {values.Count} times; once is allowed."),
    };
}

namespace GrainDb.Api.Requests;

/// <summary>
/// Path and query of a request target as it came over the wire, before any decoding or removal of dot segments. Origin form
/// (<c>/path?query</c>) and absolute form (<c>http://host/path?query</c>) are understood; any other has an empty path.
/// </summary>
internal readonly ref struct RawTarget
{
    private RawTarget(ReadOnlySpan<char> path, ReadOnlySpan<char> query)
    {
        Path = path;
        Query = query;
    }

    public ReadOnlySpan<char> Path { get; }

    /// <summary>Without the question mark.</summary>
    public ReadOnlySpan<char> Query { get; }

    public static RawTarget Parse(string target)
    {
        var rest = target.AsSpan();
        if (!rest.StartsWith('/'))
        {
            var scheme = rest.IndexOf("://", StringComparison.Ordinal);
            if (scheme < 0)
                return default;
            rest = rest[(scheme + 3)..];
            var authority = rest.IndexOfAny('/', '?');
            rest = authority < 0 ? [] : rest[authority..];
        }

        var question = rest.IndexOf('?');
        return question < 0 ? new(rest, []) : new(rest[..question], rest[(question + 1)..]);
    }
}

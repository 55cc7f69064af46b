using GrainDb.Api.Requests;

namespace GrainDb.Api.Keys;

/// <summary>
/// Keyspace and encoded key out of a raw request target under <c>/v1/kv/</c> or <c>/v1/history/</c>. The routed path cannot
/// serve: the server has by then decoded it and removed dot segments, which are bytes of a key here.
/// </summary>
internal readonly ref struct KeyTarget
{
    private static readonly string[] Roots = ["/v1/kv/", "/v1/history/"];

    private KeyTarget(string root, ReadOnlySpan<char> keyspace, ReadOnlySpan<char> key, bool hasKey)
    {
        Root = root;
        Keyspace = keyspace;
        Key = key;
        HasKey = hasKey;
    }

    /// <summary><c>/v1/kv/</c> or <c>/v1/history/</c>.</summary>
    public string Root { get; }

    /// <summary>The first segment, encoded.</summary>
    public ReadOnlySpan<char> Keyspace { get; }

    /// <summary>Everything after the slash that follows the keyspace, encoded.</summary>
    public ReadOnlySpan<char> Key { get; }

    /// <summary>Whether there is that slash; the key after it may still be empty.</summary>
    public bool HasKey { get; }

    public static bool TryParse(string rawTarget, out KeyTarget target)
    {
        var path = RawTarget.Parse(rawTarget).Path;
        foreach (var root in Roots)
        {
            if (!path.StartsWith(root, StringComparison.OrdinalIgnoreCase))
                continue;
            var rest = path[root.Length..];
            var slash = rest.IndexOf('/');
            target = slash < 0 ? new(root, rest, [], hasKey: false) : new(root, rest[..slash], rest[(slash + 1)..], hasKey: true);
            return true;
        }

        target = default;
        return false;
    }

    /// <summary>Whether the server's decoded path could route elsewhere than the raw one says.</summary>
    public static bool NeedsRewrite(ReadOnlySpan<char> rawPath) =>
        rawPath.Contains('%') || rawPath.Contains("/.", StringComparison.Ordinal) || rawPath.Contains("//", StringComparison.Ordinal);
}

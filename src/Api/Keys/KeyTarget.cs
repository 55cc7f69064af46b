using GrainDb.Api.Requests;

namespace GrainDb.Api.Keys;

/// <summary>The routes under which a key's path stands.</summary>
internal enum KeyRoot
{
    /// <summary><c>/v1/kv/{keyspace}/{key}</c>.</summary>
    Keys,

    /// <summary><c>/v1/history/{keyspace}/{key}</c>.</summary>
    History,

    /// <summary><c>/v1/crdt/{keyspace}/{key}</c>.</summary>
    Crdt,

    /// <summary><c>/v1/txn/{id}/kv/{keyspace}/{key}</c>.</summary>
    Transaction,
}

/// <summary>
/// Keyspace and encoded key out of a raw request target under one of <see cref="KeyRoot"/>. The routed path cannot serve: the
/// server has by then decoded it and removed dot segments, which are bytes of a key here.
/// </summary>
internal readonly ref struct KeyTarget
{
    private const string TransactionPrefix = "/v1/txn/";
    private const string TransactionKeys = "kv/";

    private static readonly (string Prefix, KeyRoot Root)[] Plain = [("/v1/kv/", KeyRoot.Keys), ("/v1/history/", KeyRoot.History), ("/v1/crdt/", KeyRoot.Crdt)];

    private KeyTarget(KeyRoot root, ReadOnlySpan<char> transaction, ReadOnlySpan<char> rest)
    {
        Root = root;
        Transaction = transaction;
        var slash = rest.IndexOf('/');
        HasKey = slash >= 0;
        Keyspace = HasKey ? rest[..slash] : rest;
        Key = HasKey ? rest[(slash + 1)..] : [];
    }

    /// <summary>Under which route.</summary>
    public KeyRoot Root { get; }

    /// <summary>The transaction's id as it stands there; empty but for <see cref="KeyRoot.Transaction"/>.</summary>
    public ReadOnlySpan<char> Transaction { get; }

    /// <summary>The first segment, encoded.</summary>
    public ReadOnlySpan<char> Keyspace { get; }

    /// <summary>Everything after the slash that follows the keyspace, encoded.</summary>
    public ReadOnlySpan<char> Key { get; }

    /// <summary>Whether there is that slash; the key after it may still be empty.</summary>
    public bool HasKey { get; }

    public static bool TryParse(string rawTarget, out KeyTarget target)
    {
        var path = RawTarget.Parse(rawTarget).Path;
        foreach (var (prefix, root) in Plain)
        {
            if (!path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                continue;
            target = new(root, [], path[prefix.Length..]);
            return true;
        }

        return TryParseTransaction(path, out target);
    }

    /// <summary>Whether the server's decoded path could route elsewhere than the raw one says.</summary>
    public static bool NeedsRewrite(ReadOnlySpan<char> rawPath) =>
        rawPath.Contains('%') || rawPath.Contains("/.", StringComparison.Ordinal) || rawPath.Contains("//", StringComparison.Ordinal);

    private static bool TryParseTransaction(ReadOnlySpan<char> path, out KeyTarget target)
    {
        target = default;
        if (!path.StartsWith(TransactionPrefix, StringComparison.OrdinalIgnoreCase))
            return false;
        var rest = path[TransactionPrefix.Length..];
        var slash = rest.IndexOf('/');
        if (slash < 0 || !rest[(slash + 1)..].StartsWith(TransactionKeys, StringComparison.OrdinalIgnoreCase))
            return false;
        target = new(KeyRoot.Transaction, rest[..slash], rest[(slash + 1 + TransactionKeys.Length)..]);
        return true;
    }
}

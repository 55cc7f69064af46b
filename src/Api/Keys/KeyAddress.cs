using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Api.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Keys;

/// <summary>What the target of a request on keys names: as far as it can be read without knowing the family of the keyspace.</summary>
/// <param name="Keyspace">A well-formed keyspace name; of a write no system keyspace.</param>
/// <param name="Key">1 to 4096 bytes; null when the request names no key (a scan).</param>
/// <param name="Query">The decoded query.</param>
/// <param name="Transaction">The transaction that the path names; none outside transactions.</param>
internal readonly record struct KeyAddress(string Keyspace, byte[]? Key, QueryParameters Query, TransactionId Transaction)
{
    /// <summary>Reads and checks the target.</summary>
    /// <param name="context">The request.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="known">Query parameters that the route knows.</param>
    /// <exception cref="GrainDbException">Something is wrong with them.</exception>
    public static KeyAddress Read(HttpContext context, bool write, params ReadOnlySpan<string> known)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!KeyTarget.TryParse(raw, out var target))
            throw BadInput.Of(ErrorCode.RouteNotFound, "The path before the key must be written plainly, without escapes, dot segments or double slashes.");

        var transaction = target.Root == KeyRoot.Transaction ? TransactionRequest.ParseId(target.Transaction.ToString()) : TransactionId.None;
        var keyspace = ReadKeyspace(target.Keyspace);
        if (write)
            RefuseSystem(keyspace);
        var query = QueryParameters.Read(RawTarget.Parse(raw).Query, known);
        return new(keyspace, ReadKey(target, query), query, transaction);
    }

    /// <summary>The key, where the route needs one.</summary>
    public byte[] RequireKey() =>
        Key ?? throw BadInput.Key("The request names no key: it follows the keyspace in the path, or stands as base64url in key64.");

    public static string CheckKeyspace(string name) => KeyspaceName.IsValid(name)
        ? name
        : throw BadInput.Of(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{QueryParameters.Shorten(name)}': a name is {KeyspaceName.Rule}.");

    public static void RefuseSystem(string keyspace)
    {
        if (keyspace.StartsWith(KeyspaceName.SystemPrefix, StringComparison.Ordinal))
            throw BadInput.Of(ErrorCode.Forbidden, $"The keyspace '{keyspace}' is read-only to clients.");
    }

    /// <summary>The keyspace's name, decoded. A name that none can have is not looked for.</summary>
    private static string ReadKeyspace(ReadOnlySpan<char> encoded)
    {
        if (!encoded.Contains('%'))
            return CheckKeyspace(encoded.ToString());
        return KeyDecoder.TryDecodeText(encoded, "The keyspace", plusIsSpace: false, out var bytes, out var failure)
            ? CheckKeyspace(Encoding.UTF8.GetString(bytes))
            : throw new GrainDbException(failure);
    }

    private static byte[]? ReadKey(KeyTarget target, QueryParameters query)
    {
        byte[]? key;
        if (query.Text(KeyRequest.Key64Parameter) is { } key64)
        {
            if (target.HasKey)
                throw BadInput.Key("The key stands both in the path and in key64.");
            if (!KeyDecoder.TryDecodeBase64(key64, KeyRequest.Key64Parameter, out key, out var failure))
                throw new GrainDbException(failure);
        }
        else if (!target.HasKey)
        {
            return null;
        }
        else if (!KeyDecoder.TryDecodePercent(target.Key, "The key", plusIsSpace: false, out key, out var failure))
        {
            throw new GrainDbException(failure);
        }

        return KeyDecoder.CheckLength(key) is { } wrong ? throw new GrainDbException(wrong) : key;
    }
}

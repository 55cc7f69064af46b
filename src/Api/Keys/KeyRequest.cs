using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Api.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace GrainDb.Api.Keys;

/// <summary>What every operation on keys takes from its request besides its own parameters.</summary>
/// <param name="Keyspace">A well-formed keyspace name.</param>
/// <param name="Key">1 to 4096 bytes; null when the request names no key (a scan).</param>
/// <param name="Query">The decoded query.</param>
/// <param name="Timeout">Budget of the operation.</param>
/// <param name="Session">Highest timestamp that the session has seen; zero for none.</param>
/// <param name="Consistency">Of a read: what it must see.</param>
/// <param name="Level">Of a write: how many replicas must have it.</param>
/// <param name="Transaction">The transaction that the path names; none outside transactions.</param>
/// <param name="IdempotencyKey">Of a write outside transactions: what makes a repetition one; null for none.</param>
internal readonly record struct KeyRequest(
    string Keyspace,
    byte[]? Key,
    QueryParameters Query,
    TimeSpan Timeout,
    Timestamp Session,
    ReadConsistency Consistency,
    WriteLevel Level,
    TransactionId Transaction,
    string? IdempotencyKey)
{
    public const string Key64Parameter = "key64";
    public const string ExplainParameter = "explain";
    public const string SessionHeader = "GrainDb-Session";
    public const string TimeoutHeader = "GrainDb-Timeout";
    public const string ContextHeader = "GrainDb-Context";

    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan MinTimeout = TimeSpan.FromMilliseconds(1);
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Reads and checks target, query and headers. Nothing is read from the body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="known">Query parameters that the route knows.</param>
    /// <exception cref="GrainDbException">Something is wrong with them.</exception>
    public static KeyRequest Read(HttpContext context, bool write, params ReadOnlySpan<string> known)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (!KeyTarget.TryParse(raw, out var target))
            throw BadInput.Of(ErrorCode.RouteNotFound, "The path before the key must be written plainly, without escapes, dot segments or double slashes.");

        var transaction = target.Root == KeyRoot.Transaction ? TransactionRequest.ParseId(target.Transaction.ToString()) : TransactionId.None;
        var keyspace = ReadKeyspace(target.Keyspace);
        if (write)
            RefuseSystem(keyspace);
        var query = QueryParameters.Read(RawTarget.Parse(raw).Query, known);
        var key = ReadKey(target, query);

        var headers = context.Request.Headers;
        RefuseWhatIsNotOffered(headers);
        var session = SessionToken.Parse(Headers.Single(headers, SessionHeader));
        return new(
            keyspace,
            key,
            query,
            ReadTimeout(headers),
            session,
            write ? default : Keys.Consistency.OfRead(headers, query, session),
            write ? Keys.Consistency.OfWrite(headers, query) : default,
            transaction,
            ReadIdempotencyKey(headers, write, transaction));
    }

    /// <summary>The keyspace's name, decoded. A name that none can have is not looked for.</summary>
    public static string ReadKeyspace(ReadOnlySpan<char> encoded)
    {
        if (!encoded.Contains('%'))
            return CheckKeyspace(encoded.ToString());
        return KeyDecoder.TryDecodeText(encoded, "The keyspace", plusIsSpace: false, out var bytes, out var failure)
            ? CheckKeyspace(Encoding.UTF8.GetString(bytes))
            : throw new GrainDbException(failure);
    }

    public static string CheckKeyspace(string name) => KeyspaceName.IsValid(name)
        ? name
        : throw BadInput.Of(ErrorCode.KeyspaceNotFound, $"There is no keyspace '{QueryParameters.Shorten(name)}': a name is {KeyspaceName.Rule}.");

    public static void RefuseSystem(string keyspace)
    {
        if (keyspace.StartsWith(KeyspaceName.SystemPrefix, StringComparison.Ordinal))
            throw BadInput.Of(ErrorCode.Forbidden, $"The keyspace '{keyspace}' is read-only to clients.");
    }

    public static TimeSpan ReadTimeout(IHeaderDictionary headers)
    {
        if (Headers.Single(headers, TimeoutHeader) is not { } text)
            return DefaultTimeout;
        if (!Duration.TryParse(text, out var timeout))
            throw BadInput.Request($"{TimeoutHeader} is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}.");
        return timeout >= MinTimeout && timeout <= MaxTimeout
            ? timeout
            : throw BadInput.Request($"{TimeoutHeader} is '{QueryParameters.Shorten(text)}'; it must be from {Duration.Format(MinTimeout)} to {Duration.Format(MaxTimeout)}.");
    }

    /// <summary>The key, where the route needs one.</summary>
    public byte[] RequireKey() =>
        Key ?? throw BadInput.Key("The request names no key: it follows the keyspace in the path, or stands as base64url in key64.");

    /// <summary>Whether the answer shall say how it came about; only where the route offers that.</summary>
    public bool Explain => Query.Flag(ExplainParameter);

    /// <summary>For routes that take the parameter only to say that they do not offer it.</summary>
    public void RefuseExplain()
    {
        if (Explain)
            throw BadInput.Request("explain=true is offered on GET and PUT of one key.");
    }

    /// <summary>Promises that this version cannot keep are refused, never overlooked.</summary>
    public static void RefuseWhatIsNotOffered(IHeaderDictionary headers)
    {
        if (headers.ContainsKey(HeaderNames.ContentEncoding))
            throw BadInput.Request($"{HeaderNames.ContentEncoding} is not kept with the value: send the bytes as they are to be stored.");
        if (headers.ContainsKey(ContextHeader))
            throw BadInput.Unsupported($"{ContextHeader} belongs to eventual keyspaces; this one is strong.");
    }

    private static string? ReadIdempotencyKey(IHeaderDictionary headers, bool write, TransactionId transaction)
    {
        if (write && transaction.IsNone)
            return Idempotency.IdempotencyKey.Read(headers);
        Idempotency.IdempotencyKey.Refuse(headers, write ? "a transaction's writes take effect with its commit, which takes one." : "a read changes nothing.");
        return null;
    }

    private static byte[]? ReadKey(KeyTarget target, QueryParameters query)
    {
        byte[]? key;
        if (query.Text(Key64Parameter) is { } key64)
        {
            if (target.HasKey)
                throw BadInput.Key("The key stands both in the path and in key64.");
            if (!KeyDecoder.TryDecodeBase64(key64, Key64Parameter, out key, out var failure))
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

using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace GrainDb.Api.Keys;

/// <summary>What every operation on keys of strong keyspaces takes from its request besides its own parameters.</summary>
/// <param name="Address">What its target names.</param>
/// <param name="Timeout">Budget of the operation.</param>
/// <param name="Session">Highest timestamp that the session has seen; zero for none.</param>
/// <param name="Consistency">Of a read: what it must see.</param>
/// <param name="Level">Of a write: how many replicas must have it.</param>
/// <param name="IdempotencyKey">Of a write outside transactions: what makes a repetition one; null for none.</param>
internal readonly record struct KeyRequest(
    KeyAddress Address,
    TimeSpan Timeout,
    Timestamp Session,
    ReadConsistency Consistency,
    WriteLevel Level,
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

    public string Keyspace => Address.Keyspace;

    public QueryParameters Query => Address.Query;

    public TransactionId Transaction => Address.Transaction;

    /// <summary>Reads and checks target, query and headers. Nothing is read from the body.</summary>
    /// <param name="context">The request.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="known">Query parameters that the route knows.</param>
    /// <exception cref="GrainDbException">Something is wrong with them.</exception>
    public static KeyRequest Read(HttpContext context, bool write, params ReadOnlySpan<string> known) => Of(context, KeyAddress.Read(context, write, known), write);

    /// <summary>Reads and checks the headers of a request whose target is read.</summary>
    public static KeyRequest Of(HttpContext context, KeyAddress address, bool write)
    {
        var headers = context.Request.Headers;
        RefuseWhatIsNotOffered(headers);
        var session = SessionToken.Parse(Headers.Single(headers, SessionHeader));
        return new(
            address,
            ReadTimeout(headers),
            session,
            write ? default : Keys.Consistency.OfRead(headers, address.Query, session),
            write ? Keys.Consistency.OfWrite(headers, address.Query) : default,
            ReadIdempotencyKey(headers, write, address.Transaction));
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

    /// <inheritdoc cref="KeyAddress.RequireKey"/>
    public byte[] RequireKey() => Address.RequireKey();

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
        RefuseEncoding(headers);
        if (headers.ContainsKey(ContextHeader))
            throw BadInput.Unsupported($"{ContextHeader} belongs to single keys of eventual keyspaces.");
    }

    public static void RefuseEncoding(IHeaderDictionary headers)
    {
        if (headers.ContainsKey(HeaderNames.ContentEncoding))
            throw BadInput.Request($"{HeaderNames.ContentEncoding} is not kept with the value: send the bytes as they are to be stored.");
    }

    private static string? ReadIdempotencyKey(IHeaderDictionary headers, bool write, TransactionId transaction)
    {
        if (write && transaction.IsNone)
            return Idempotency.IdempotencyKey.Read(headers);
        Idempotency.IdempotencyKey.Refuse(headers, write ? "a transaction's writes take effect with its commit, which takes one." : "a read changes nothing.");
        return null;
    }
}

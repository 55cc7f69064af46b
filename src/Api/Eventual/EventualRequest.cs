using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Eventual;

/// <summary>What every operation on a key of an eventual keyspace takes from its request besides its own parameters.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The key.</param>
/// <param name="Query">The decoded query.</param>
/// <param name="Timeout">Budget of the operation.</param>
/// <param name="Level">How many replicas are waited for.</param>
/// <param name="Context">Of a write: what the writer has seen; empty for nothing.</param>
/// <param name="IdempotencyKey">Of a write: what makes a repetition one; null for none.</param>
internal readonly record struct EventualRequest(
    KeyspaceDescriptor Keyspace,
    byte[] Key,
    QueryParameters Query,
    TimeSpan Timeout,
    EventualLevel Level,
    ReadOnlyMemory<byte> Context,
    string? IdempotencyKey)
{
    /// <summary>Reads and checks the headers of a request whose target is read.</summary>
    /// <exception cref="GrainDbException">Something is wrong with them, or an eventual keyspace does not offer it.</exception>
    public static EventualRequest Of(HttpContext context, KeyAddress address, KeyspaceDescriptor keyspace, IEventualStates states, bool write)
    {
        var key = address.RequireKey();
        var headers = context.Request.Headers;
        KeyRequest.RefuseEncoding(headers);
        if (address.Query.Has(KeysApi.AsOfParameter))
            throw BadInput.Unsupported($"asOf is not offered on eventual keyspaces: '{keyspace.Name}' keeps no versions.");
        if (write && (headers.IfMatch.Count > 0 || headers.IfNoneMatch.Count > 0))
            throw BadInput.Unsupported($"If-Match and If-None-Match are not offered on writes of eventual keyspaces: replicas of '{keyspace.Name}' take writes without asking each other. Write with {KeyRequest.ContextHeader} instead.");
        if (!write)
        {
            if (headers.ContainsKey(KeyRequest.ContextHeader))
                throw BadInput.Request($"{KeyRequest.ContextHeader} goes with writes; a read answers one.");
            Idempotency.IdempotencyKey.Refuse(headers, "a read changes nothing.");
        }

        // A token says what was seen of strong keyspaces. Clients that carry one everywhere lose nothing here, and gain nothing.
        SessionToken.Parse(Headers.Single(headers, KeyRequest.SessionHeader));
        return new(
            keyspace,
            key,
            address.Query,
            KeyRequest.ReadTimeout(headers),
            EventualLevels.Of(headers, address.Query, keyspace, write),
            write ? ContextText.Parse(Headers.Single(headers, KeyRequest.ContextHeader), KeyRequest.ContextHeader, key, states) : default,
            write ? Idempotency.IdempotencyKey.Read(headers) : null);
    }

    public bool Explain => Query.Flag(KeyRequest.ExplainParameter);

    /// <summary>Values and data types have routes of their own.</summary>
    public void RequireValues()
    {
        if (IsCrdt(Keyspace))
            throw BadInput.Unsupported($"Keys of '{Keyspace.Name}' hold a data type ({KeyspaceFinder.NameOf(Keyspace.Conflict)}), not values: use /v1/crdt/{Keyspace.Name}/{{key}}.");
    }

    public static bool IsCrdt(KeyspaceDescriptor keyspace) => keyspace.Conflict is not (ConflictPolicy.Siblings or ConflictPolicy.LastWriterWins);
}

using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Transactions;

/// <summary>What every request to a transaction, other than to its keys, takes besides its own body.</summary>
/// <param name="Transaction">The transaction of the path; none where a new one is asked for.</param>
/// <param name="Timeout">Budget of the operation.</param>
/// <param name="Session">Highest timestamp that the session has seen; zero for none.</param>
internal readonly record struct TransactionRequest(TransactionId Transaction, TimeSpan Timeout, Timestamp Session)
{
    public const string IdParameter = "id";

    /// <summary>Reads and checks route, query and headers.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refuseIdempotency">Why an idempotency key is not offered; null where it is.</param>
    public static TransactionRequest Read(HttpContext context, string? refuseIdempotency)
    {
        var id = context.Request.RouteValues.TryGetValue(IdParameter, out var value) ? ParseId((string?)value) : TransactionId.None;
        QueryParameters.Read(context);
        var headers = context.Request.Headers;
        KeyRequest.RefuseWhatIsNotOffered(headers);
        RefuseConsistency(headers);
        if (refuseIdempotency is not null)
            IdempotencyKey.Refuse(headers, refuseIdempotency);
        return new(id, KeyRequest.ReadTimeout(headers), SessionToken.Parse(Headers.Single(headers, KeyRequest.SessionHeader)));
    }

    /// <summary>The id out of a path. One that none can have is not looked for.</summary>
    public static TransactionId ParseId(string? text) => TransactionId.TryParse(text, out var id) && !id.IsNone
        ? id
        : throw BadInput.Of(ErrorCode.TransactionNotFound, $"There is no transaction '{QueryParameters.Shorten(text ?? "")}': an id is 32 hex digits, as POST /v1/txn gives it.");

    public static void RefuseConsistency(IHeaderDictionary headers)
    {
        if (headers.ContainsKey(Consistency.Header))
            throw BadInput.Request($"{Consistency.Header} is not offered on transactions: they read one snapshot, and are committed by a quorum of every range.");
    }

    public static Failure NotFound(TransactionId id) =>
        Failure.NotApplied(ErrorCode.TransactionNotFound, $"There is no transaction {id}: it never began, or ended so long ago that nobody remembers.");
}

using System.Collections.Frozen;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Errors;

/// <summary>How one code looks over HTTP.</summary>
/// <param name="Code">The code.</param>
/// <param name="Name">Its name on the wire, which also ends its <c>type</c>.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Outcome">What is certain about the effect where the failure itself does not say more.</param>
/// <param name="Title">The same for every occurrence.</param>
/// <param name="Explanation">What a caller should do; served at <c>/problems/{code}</c>.</param>
internal sealed record ErrorRow(ErrorCode Code, string Name, int Status, Outcome Outcome, string Title, string Explanation);

/// <summary>The one table of codes, statuses and outcomes.</summary>
internal static class ErrorTable
{
    private static readonly ErrorRow[] Rows =
    [
        NotApplied(ErrorCode.InvalidRequest, "invalid_request", 400, "The request is wrong",
            "A header, query parameter or body is malformed or out of bounds; the detail says which and where. Correct it: the same request will fail again."),
        NotApplied(ErrorCode.InvalidKey, "invalid_key", 400, "The key is wrong",
            "The key is empty, badly percent-encoded or not UTF-8. Arbitrary bytes travel as base64url in key64."),
        NotApplied(ErrorCode.UnsupportedForFamily, "unsupported_for_family", 400, "Not offered here",
            "The keyspace's family, or this version, does not offer what was asked for."),
        NotApplied(ErrorCode.Forbidden, "forbidden", 403, "Not permitted",
            "The caller may not do this; system keyspaces are read-only to clients."),
        NotApplied(ErrorCode.KeyNotFound, "key_not_found", 404, "No such key",
            "The key has no live version at the timestamp that was read."),
        NotApplied(ErrorCode.KeyspaceNotFound, "keyspace_not_found", 404, "No such keyspace",
            "Create it with PUT /v1/keyspaces/{name}."),
        NotApplied(ErrorCode.NodeNotFound, "node_not_found", 404, "No such node",
            "GET /v1/nodes lists the nodes."),
        NotApplied(ErrorCode.RangeNotFound, "range_not_found", 404, "No such range",
            "GET /v1/ranges lists the ranges."),
        NotApplied(ErrorCode.RouteNotFound, "route_not_found", 404, "No such path",
            "The path names nothing; /openapi/v1.json lists every route."),
        NotApplied(ErrorCode.MethodNotAllowed, "method_not_allowed", 405, "Method not allowed",
            "The path exists, the method does not; the Allow header lists those that do."),
        NotApplied(ErrorCode.KeyspaceExists, "keyspace_exists", 409, "The keyspace exists with another configuration",
            "Family, partitioning, partitions, replication factor and split keys are fixed at creation."),
        NotApplied(ErrorCode.SnapshotTooOld, "snapshot_too_old", 410, "The snapshot is gone",
            "Versions older than the keyspace's retention are collected; gcThreshold is the oldest timestamp that can be read."),
        NotApplied(ErrorCode.VersionMismatch, "version_mismatch", 412, "The condition does not hold",
            "currentVersion is the version that is there, null when the key does not exist. Read again and decide."),
        NotApplied(ErrorCode.KeyTooLarge, "key_too_large", 413, "The key is too long",
            "Keys have 1 to 4096 bytes after decoding."),
        NotApplied(ErrorCode.ValueTooLarge, "value_too_large", 413, "The value is too long",
            "The detail names the limit of this cluster."),
        NotApplied(ErrorCode.RequestTooLarge, "request_too_large", 413, "The request body is too long",
            "The detail names the limit. Split the request."),
        NotApplied(ErrorCode.Overloaded, "overloaded", 429, "Overloaded",
            "A bounded queue is full. Nothing was done; retry after the time in Retry-After, with jitter."),
        NotApplied(ErrorCode.Unavailable, "unavailable", 503, "Unavailable",
            "Nobody can serve it now and certainly nothing was proposed. Retry after the time in Retry-After."),
        new(ErrorCode.OutcomeUnknown, "outcome_unknown", 504, Outcome.Unknown, "The outcome is unknown",
            "The write may or may not have happened, or may still happen. Ask for txnId at GET /v1/txn/{id} where it is given, repeat the request with the same Idempotency-Key if it had one, or read the key."),
        new(ErrorCode.Corruption, "corruption", 500, Outcome.Unknown, "Damaged data",
            "A file of this range is damaged and the range serves nothing until it is repaired. An operator must act."),
        new(ErrorCode.Internal, "internal", 500, Outcome.Unknown, "Internal error",
            "A bug. The log of the node has the details under the traceId."),
        NotApplied(ErrorCode.RangeMoved, "range_moved", 503, "The range moved",
            "The route was stale. It is resolved inside the cluster; when it is seen outside, retry."),
        NotApplied(ErrorCode.UnsupportedMediaType, "unsupported_media_type", 415, "Unsupported media type",
            "JSON bodies need Content-Type: application/json."),
        NotApplied(ErrorCode.TransactionConflict, "txn_conflict", 409, "Another transaction was first",
            "keys says where. Nothing was applied. Begin again, with jitter: what was read may have changed."),
        NotApplied(ErrorCode.TransactionNotFound, "txn_not_found", 404, "No such transaction",
            "It never began, or ended so long ago that nobody remembers."),
        NotApplied(ErrorCode.TransactionExpired, "txn_expired", 410, "The transaction is over",
            "It reached its time limit, was rolled back, or lost the node that coordinated it. Nothing of it was applied; begin another."),
        NotApplied(ErrorCode.TransactionTooLarge, "txn_too_large", 413, "The transaction is too large",
            "The detail names the limit. Split the work."),
        NotApplied(ErrorCode.IdempotencyInProgress, "idempotency_in_progress", 409, "The same request is being carried out",
            "Ask again after the time in Retry-After: the answer will be that of the first request."),
        NotApplied(ErrorCode.IdempotencyMismatch, "idempotency_mismatch", 422, "The Idempotency-Key was used for another request",
            "A key belongs to one request. Nothing was applied; use a new key."),
        NotApplied(ErrorCode.NotAnInteger, "not_an_integer", 409, "The value is not an integer",
            "Increments keep integers of 64 bits as UTF-8 decimal text. Nothing was applied."),
        NotApplied(ErrorCode.SagaPastPivot, "saga_past_pivot", 409, "The saga only goes forward",
            "It is past its point of no return. Wait for its end."),
        NotApplied(ErrorCode.SagaStateConflict, "saga_state_conflict", 409, "The saga is not in a state for this",
            "The detail says in which state it, or its step, is."),
        NotApplied(ErrorCode.SagaNotFound, "saga_not_found", 404, "No such saga",
            "No saga was ever started under this id. POST /v1/sagas starts one."),
        NotApplied(ErrorCode.SagaDefinitionNotFound, "saga_definition_not_found", 404, "No such definition",
            "GET /v1/saga-definitions lists the definitions with their versions."),
        NotApplied(ErrorCode.SagaDefinitionExists, "saga_definition_exists", 409, "The version has another definition",
            "A definition never changes under its name and version, since sagas are on it. Store it under the next version."),
        NotApplied(ErrorCode.OrderNotFound, "order_not_found", 404, "No such order",
            "No order was ever placed under this id. POST /v1/orders places one."),
        NotApplied(ErrorCode.ArticleNotFound, "article_not_found", 404, "No such article",
            "PUT /v1/inventory/{sku} makes it, with its stock and its price."),
        NotApplied(ErrorCode.AccountNotFound, "account_not_found", 404, "No such account",
            "PUT /v1/payments/accounts/{id} makes it, with its balance."),
        NotApplied(ErrorCode.ShipmentNotFound, "shipment_not_found", 404, "No shipment",
            "None was created for the order: it has not come so far, or was refused before. GET /v1/orders/{id} says where it stands."),
        NotApplied(ErrorCode.CursorCompacted, "cursor_compacted", 410, "The feed does not go back that far",
            "Changes older than the keyspace's retention are collected. Read the keyspace, then watch from the timestamp of that read."),
        NotApplied(ErrorCode.TooManySiblings, "too_many_siblings", 409, "The key has too many concurrent values",
            "Read the key, decide, and write with the context of that read: it takes the place of the values that you saw."),
        NotApplied(ErrorCode.ConflictNotFound, "conflict_not_found", 404, "No such conflict",
            "It was resolved, or newer conflicts have pushed it out. GET /v1/conflicts lists those that are kept."),
    ];

    private static readonly ErrorRow[] ByCode = Index();
    private static readonly FrozenDictionary<string, ErrorRow> ByName = Rows.ToFrozenDictionary(row => row.Name, StringComparer.Ordinal);

    public static ErrorRow Of(ErrorCode code) => ByCode[(int)code];

    public static ErrorRow? Find(string name) => ByName.GetValueOrDefault(name);

    public static string NameOf(Outcome outcome) => outcome switch
    {
        Outcome.NotApplied => "notApplied",
        Outcome.Applied => "applied",
        Outcome.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "Not an outcome."),
    };

    /// <summary>The code for a bare status that some other part of the pipeline set without a body.</summary>
    public static ErrorCode ForStatus(int status) => status switch
    {
        StatusCodes.Status404NotFound => ErrorCode.RouteNotFound,
        StatusCodes.Status405MethodNotAllowed => ErrorCode.MethodNotAllowed,
        StatusCodes.Status413PayloadTooLarge => ErrorCode.RequestTooLarge,
        StatusCodes.Status415UnsupportedMediaType => ErrorCode.UnsupportedMediaType,
        StatusCodes.Status403Forbidden => ErrorCode.Forbidden,
        >= 400 and < 500 => ErrorCode.InvalidRequest,
        _ => ErrorCode.Internal,
    };

    private static ErrorRow NotApplied(ErrorCode code, string name, int status, string title, string explanation) =>
        new(code, name, status, Outcome.NotApplied, title, explanation);

    private static ErrorRow[] Index()
    {
        var index = new ErrorRow[Enum.GetValues<ErrorCode>().Length];
        foreach (var row in Rows)
            index[(int)row.Code] = row;
        return index;
    }
}

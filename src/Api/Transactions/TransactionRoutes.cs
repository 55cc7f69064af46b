using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Transactions;

/// <summary>The routes of transactions, and what the OpenAPI document says of them.</summary>
internal static class TransactionRoutes
{
    private const string Root = "/v1/txn";
    private const string One = "/v1/txn/{id}";
    private const string KeysRoot = "/v1/txn/{id}/kv";

    private static readonly ErrorCode[] Bodies = [ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType];
    private static readonly ErrorCode[] Calls = [ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown];
    private static readonly ErrorCode[] Open = [ErrorCode.TransactionNotFound, ErrorCode.TransactionExpired, ErrorCode.TransactionConflict, ErrorCode.TransactionTooLarge];

    public static void MapTransactions(
        this IEndpointRouteBuilder routes, Operations operations, TransactionsApi transactions, TransactionKeysApi keys, TransactApi transact)
    {
        routes.MapBegin(operations.Endpoint("txn_begin", transactions.BeginAsync));
        routes.MapFind(operations.Endpoint("txn_find", transactions.FindAsync));
        routes.MapCommit(operations.Endpoint("txn_commit", transactions.CommitAsync));
        routes.MapRollback(operations.Endpoint("txn_rollback", transactions.RollbackAsync));
        routes.MapKeepAlive(operations.Endpoint("txn_keepalive", transactions.KeepAliveAsync));

        var read = KeyRouteDocs.ReadOrScan(operations.Endpoint("txn_get", keys.GetAsync), operations.Endpoint("txn_scan", keys.ScanAsync));
        routes.MapGet(read);
        routes.MapScan(read);
        foreach (var inPath in new[] { true, false })
        {
            routes.MapPut(operations.Endpoint("txn_put", keys.PutAsync), inPath);
            routes.MapDelete(operations.Endpoint("txn_delete", keys.DeleteAsync), inPath);
        }

        routes.MapTransact(operations.Endpoint("transact", transact.PostAsync));
    }

    private static void MapBegin(this IEndpointRouteBuilder routes, RequestDelegate begin) =>
        routes.Map("POST", Root, begin).Described().WithName("beginTransaction")
            .WithSummary("Begins an interactive transaction over any keys of strong keyspaces.")
            .WithJsonBody(typeof(TransactionBody), required: false)
            .WithAnswer(StatusCodes.Status201Created, "It takes reads and writes until expiresAt.", typeof(OpenTransaction))
            .WithResponseHeader("Location", "The transaction.")
            .WithErrors([.. Calls, .. Bodies, ErrorCode.SnapshotTooOld]);

    private static void MapFind(this IEndpointRouteBuilder routes, RequestDelegate find) =>
        routes.Map("GET", One, find).Described().WithName("getTransaction").OfTransaction()
            .WithSummary("What is known of a transaction, on any node, until a minute after its time; also of one whose commit was answered with outcome_unknown.")
            .WithAnswer(StatusCodes.Status200OK, "How far it is.", typeof(TransactionState))
            .WithErrors([.. Calls, ErrorCode.TransactionNotFound]);

    private static void MapCommit(this IEndpointRouteBuilder routes, RequestDelegate commit) =>
        routes.Map("POST", $"{One}/commit", commit).Described().WithName("commitTransaction").OfTransaction()
            .WithSummary("Commits: all writes at one timestamp, or none. Repeated, it gives the same answer.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithJsonBody(typeof(EmptyBody), required: false)
            .WithAnswer(StatusCodes.Status200OK, "Committed, durably.", typeof(CommittedTransaction))
            .WithResponseHeader(KeyHeaders.CommitTimestamp, "The version of every key written, 16 hex digits.")
            .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this commit.")
            .WithIdempotency()
            .WithErrors([.. Calls, .. Bodies, .. Open, ErrorCode.VersionMismatch, ErrorCode.KeyspaceNotFound, ErrorCode.Corruption]);

    private static void MapRollback(this IEndpointRouteBuilder routes, RequestDelegate rollback) =>
        routes.Map("POST", $"{One}/rollback", rollback).Described().WithName("rollbackTransaction").OfTransaction()
            .WithSummary("Rolls back; succeeds also when it is rolled back already.")
            .WithJsonBody(typeof(EmptyBody), required: false)
            .WithAnswer(StatusCodes.Status204NoContent, "Nothing of it was or will be applied.")
            .WithErrors([.. Calls, .. Bodies, ErrorCode.TransactionNotFound, ErrorCode.TransactionExpired, ErrorCode.TransactionConflict]);

    private static void MapKeepAlive(this IEndpointRouteBuilder routes, RequestDelegate keepAlive) =>
        routes.Map("POST", $"{One}/keepalive", keepAlive).Described().WithName("keepTransactionAlive").OfTransaction()
            .WithSummary("Says that the client is still there: a transaction of which nothing is asked for 15 s is rolled back.")
            .WithJsonBody(typeof(EmptyBody), required: false)
            .WithAnswer(StatusCodes.Status200OK, "It is still open.", typeof(OpenTransaction))
            .WithErrors([.. Calls, .. Bodies, ErrorCode.TransactionNotFound, ErrorCode.TransactionExpired]);

    private static void MapGet(this IEndpointRouteBuilder routes, RequestDelegate read) =>
        routes.MapKey("GET", read, inPath: true, KeysRoot).Described().OfTransaction().Addressed(inPath: true, "getTransactionKey")
            .WithSummary("Reads a key of the transaction's snapshot, or what the transaction wrote itself.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithRawAnswer(StatusCodes.Status200OK, "The bytes, with their content type. They are served inert (nosniff, sandbox). Without an ETag when the transaction wrote them itself.")
            .WithReadConditions()
            .WithSnapshotHeaders()
            .WithErrors([.. KeyRouteDocs.ReadErrors, .. Open, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapScan(this IEndpointRouteBuilder routes, RequestDelegate read) =>
        routes.MapKey("GET", read, inPath: false, KeysRoot).Described().WithName("scanTransactionKeys").OfTransaction()
            .WithSummary("Scans a keyspace at the transaction's snapshot, with its own writes. With key64 it reads that key.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithScan()
            .WithSnapshotHeaders()
            .WithErrors([.. KeyRouteDocs.ReadErrors, .. Open, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapPut(this IEndpointRouteBuilder routes, RequestDelegate put, bool inPath) =>
        routes.MapKey("PUT", put, inPath, KeysRoot).Described().OfTransaction().Addressed(inPath, "putTransactionKey")
            .WithSummary("Stores a value with the commit. Conditions are evaluated against the snapshot and own writes now, and again by the commit.")
            .WithQuery(KeyWrites.TimeToLiveParameter, KeyRouteDocs.TimeToLiveText)
            .WithWriteConditions()
            .WithHeader("Content-Type", KeyRouteDocs.ContentTypeText)
            .WithRawBody("The value, any bytes.")
            .WithAnswer(StatusCodes.Status204NoContent, "Taken; it has no version before the commit.")
            .WithErrors([.. KeyRouteDocs.WriteErrors, .. Open]);

    private static void MapDelete(this IEndpointRouteBuilder routes, RequestDelegate delete, bool inPath) =>
        routes.MapKey("DELETE", delete, inPath, KeysRoot).Described().OfTransaction().Addressed(inPath, "deleteTransactionKey")
            .WithSummary("Deletes a key with the commit; succeeds also when it is absent. If-Match makes it strict.")
            .WithWriteConditions()
            .WithAnswer(StatusCodes.Status204NoContent, "Taken.")
            .WithErrors([.. KeyRouteDocs.WriteErrors, .. Open]);

    private static void MapTransact(this IEndpointRouteBuilder routes, RequestDelegate transact) =>
        routes.Map("POST", "/v1/transact", transact).Described().WithName("transact")
            .WithSummary("Checks, reads and writes any keys of strong keyspaces as one transaction, in one request. On conflict it is evaluated again until the time is up.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithJsonBody(typeof(TransactBody), required: true)
            .WithAnswer(StatusCodes.Status200OK, "Committed, durably; or a check did not hold, and nothing was written.", typeof(TransactResults))
            .WithResponseHeader(KeyHeaders.CommitTimestamp, "When it wrote: the version of every key written.")
            .WithResponseHeader(KeyHeaders.ReadTimestamp, "When it did not write: the snapshot that was read.")
            .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this commit or snapshot.")
            .WithIdempotency()
            .WithErrors(
            [
                .. KeyRouteDocs.ReadErrors, .. Bodies, ErrorCode.Forbidden, ErrorCode.ValueTooLarge, ErrorCode.TransactionConflict, ErrorCode.TransactionTooLarge,
                ErrorCode.NotAnInteger,
            ]);

    private static IEndpointConventionBuilder Map(this IEndpointRouteBuilder routes, string method, string pattern, RequestDelegate handler) =>
        routes.MapMethods(pattern, [method], handler).WithMetadata(handler.Method);

    private static IEndpointConventionBuilder Described(this IEndpointConventionBuilder builder) => builder
        .WithTags("Transactions")
        .WithHeader(KeyRequest.TimeoutHeader, "Budget of the operation: 500ms, 2s; 10s by default, 60s at most.");

    private static IEndpointConventionBuilder OfTransaction(this IEndpointConventionBuilder builder) =>
        builder.WithPath(TransactionRequest.IdParameter, "The transaction: 32 hex digits.");

    private static IEndpointConventionBuilder WithSnapshotHeaders(this IEndpointConventionBuilder builder) => builder
        .WithResponseHeader(KeyHeaders.ReadTimestamp, "The transaction's snapshot.")
        .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=leader or follower; absent for what the transaction wrote itself.")
        .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this snapshot.");
}

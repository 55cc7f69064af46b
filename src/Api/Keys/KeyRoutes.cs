using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Keys;

/// <summary>The routes of keys, history and batches, and what the OpenAPI document says of them.</summary>
internal static class KeyRoutes
{
    private const string KeyText = "Percent-encoded UTF-8; everything after the keyspace, slashes and dots included. 1 to 4096 bytes.";

    private static readonly ErrorCode[] ReadErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.KeyspaceNotFound, ErrorCode.SnapshotTooOld, ErrorCode.KeyTooLarge,
        ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown, ErrorCode.Corruption,
    ];

    private static readonly ErrorCode[] WriteErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.Forbidden, ErrorCode.KeyspaceNotFound, ErrorCode.VersionMismatch,
        ErrorCode.KeyTooLarge, ErrorCode.ValueTooLarge, ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown, ErrorCode.Corruption,
    ];

    public static void MapKeys(this IEndpointRouteBuilder routes, Operations operations, KeysApi keys, ScanApi scans, HistoryApi history, BatchApi batches)
    {
        var put = operations.Endpoint("put", keys.PutAsync);
        var get = operations.Endpoint("get", keys.GetAsync);
        var head = operations.Endpoint("head", keys.GetAsync);
        var delete = operations.Endpoint("delete", keys.DeleteAsync);
        var scan = operations.Endpoint("scan", scans.ScanAsync);
        // The path alone does not tell a read of ?key64= from a scan.
        RequestDelegate read = context => NamesKey(context) ? get(context) : scan(context);

        foreach (var inPath in new[] { true, false })
        {
            MapPut(routes, put, inPath);
            MapDelete(routes, delete, inPath);
            MapHead(routes, head, inPath);
            MapHistory(routes, operations.Endpoint("history", history.GetAsync), inPath);
        }

        MapGet(routes, read);
        MapScan(routes, read);
        MapBatch(routes, operations.Endpoint("batch", batches.PostAsync));
    }

    private static bool NamesKey(HttpContext context)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (KeyTarget.TryParse(raw, out var target) && target.HasKey)
            return true;
        var query = RawTarget.Parse(raw).Query;
        return query.StartsWith("key64", StringComparison.Ordinal) || query.Contains("&key64", StringComparison.Ordinal);
    }

    private static void MapPut(IEndpointRouteBuilder routes, RequestDelegate put, bool inPath) =>
        Addressed(routes.Map("PUT", put, inPath, "kv"), inPath, "putKey")
            .WithSummary("Stores a value. Acknowledged when it is durable on a majority of the range's replicas; with all, on every one, or when the time is over.")
            .WithQuery(KeyRequest.ExplainParameter, "Answer with what each replica said.", JsonSchemaType.Boolean)
            .WithQuery(KeysApi.TimeToLiveParameter, "Time to live, 1s to 3650d: after it, by commit time, the key reads as absent.")
            .WithWriteParameters()
            .WithHeader("If-None-Match", "* : the key must not exist.")
            .WithHeader("Content-Type", "Stored and given back with the value; at most 255 bytes.")
            .WithRawBody("The value, any bytes.")
            .WithAnswer(StatusCodes.Status201Created, "The key did not exist before. Without a body, unless explain=true.", typeof(WriteExplanation))
            .WithAnswer(StatusCodes.Status200OK, "The key existed before. Without a body, unless explain=true.", typeof(WriteExplanation))
            .WithResponseHeader("ETag", "The new version in quotes.")
            .WithWriteHeaders()
            .WithErrors(WriteErrors);

    private static void MapDelete(IEndpointRouteBuilder routes, RequestDelegate delete, bool inPath) =>
        Addressed(routes.Map("DELETE", delete, inPath, "kv"), inPath, "deleteKey")
            .WithSummary("Deletes a key; succeeds also when it is absent. If-Match makes it strict.")
            .WithWriteParameters()
            .WithHeader("If-None-Match", "* : the key must not exist.")
            .WithAnswer(StatusCodes.Status204NoContent, "The key is absent now.")
            .WithWriteHeaders()
            .WithErrors(WriteErrors);

    private static void MapGet(IEndpointRouteBuilder routes, RequestDelegate read) =>
        Addressed(routes.Map("GET", read, inPath: true, "kv"), inPath: true, "getKey")
            .WithSummary("Reads a value: linearizable, weaker and nearer, or as of a time.")
            .WithGetParameters()
            .WithQuery(KeyRequest.ExplainParameter, "Answer with how the read came about, in place of the value.", JsonSchemaType.Boolean)
            .WithRawAnswer(StatusCodes.Status200OK, "The bytes as stored, with their content type. They are served inert (nosniff, sandbox). With explain=true an explanation.")
            .WithAnswer(StatusCodes.Status200OK, "With explain=true: how the read came about.", typeof(ReadExplanation))
            .WithAnswer(StatusCodes.Status304NotModified, "The version is one of If-None-Match.")
            .WithResponseHeader("ETag", "The version in quotes.")
            .WithReadHeaders()
            .WithErrors([.. ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapHead(IEndpointRouteBuilder routes, RequestDelegate head, bool inPath) =>
        Addressed(routes.Map("HEAD", head, inPath, "kv"), inPath, "headKey")
            .WithSummary("What GET would answer, without the value.")
            .WithGetParameters()
            .WithAnswer(StatusCodes.Status200OK, "The key exists.")
            .WithAnswer(StatusCodes.Status304NotModified, "The version is one of If-None-Match.")
            .WithResponseHeader("ETag", "The version in quotes.")
            .WithReadHeaders()
            .WithErrors([.. ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapScan(IEndpointRouteBuilder routes, RequestDelegate read) =>
        routes.Map("GET", read, inPath: false, "kv")
            .WithName("scanKeys").WithTags("Keys")
            .WithSummary("Scans a keyspace, all pages of one cursor at one snapshot. With key64 it reads that key, as the route with the key in the path does.")
            .WithPath("keyspace", "Name of the keyspace.")
            .WithQuery(KeyRequest.Key64Parameter, "Read this key instead of scanning: base64url, padding optional.")
            .WithQuery(KeyRequest.ExplainParameter, "With key64: answer with how the read came about.", JsonSchemaType.Boolean)
            .WithQuery("prefix", "Keys that begin with this text.")
            .WithQuery("prefix64", "The same as base64url.")
            .WithQuery("start", "First key of the interval.")
            .WithQuery("start64", "The same as base64url.")
            .WithQuery("end", "First key after the interval.")
            .WithQuery("end64", "The same as base64url.")
            .WithQuery("limit", "Rows of a page, 1 to 10000; 100 by default. A page of large values ends earlier.", JsonSchemaType.Integer)
            .WithQuery("reverse", "Descending order.", JsonSchemaType.Boolean)
            .WithQuery("keysOnly", "Leave the values out.", JsonSchemaType.Boolean)
            .WithQuery(KeysApi.AsOfParameter, "A timestamp (16 hex digits) or an RFC 3339 time.")
            .WithQuery("cursor", "Of the previous page; the rest of the query must be the same, but for limit.")
            .WithReadParameters()
            .WithHeader("Accept", "application/x-ndjson: one item per line, the cursor in GrainDb-Cursor.")
            .WithAnswer(StatusCodes.Status200OK, "A page, or the value of key64.", typeof(ScanPage))
            .WithAnswer(StatusCodes.Status200OK, "One row per line.", typeof(ScanRow), ScanApi.NdJson)
            .WithResponseHeader(KeyHeaders.Cursor, "With ndjson: continues the scan.")
            .WithReadHeaders()
            .WithErrors([.. ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapHistory(IEndpointRouteBuilder routes, RequestDelegate history, bool inPath) =>
        Addressed(routes.Map("GET", history, inPath, "history"), inPath, "getHistory")
            .WithSummary("The retained versions of a key, newest first; at most 1000. The leader's, which is at least as new as any level asks for.")
            .WithReadParameters()
            .WithAnswer(StatusCodes.Status200OK, "The versions; none when there is none.", typeof(KeyHistory))
            .WithResponseHeader(KeyHeaders.ServedBy, "Who answered.")
            .WithResponseHeader(KeyHeaders.Session, "The session's token.")
            .WithErrors(ReadErrors);

    private static void MapBatch(IEndpointRouteBuilder routes, RequestDelegate batch) =>
        routes.MapPost("/v1/batch", batch).WithMetadata(batch.Method)
            .WithName("postBatch").WithTags("Keys")
            .WithSummary("Runs up to 1000 operations, in order per key, in parallel across keys; not atomic.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget of the whole batch, 10s by default, 60s at most.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithJsonBody(typeof(BatchBody), required: true)
            .WithAnswer(StatusCodes.Status200OK, "One result per operation, each with the status that the single request would have had.", typeof(BatchResults))
            .WithResponseHeader(KeyHeaders.Session, "The session's token.")
            .WithErrors(ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType, ErrorCode.UnsupportedForFamily, ErrorCode.Overloaded);

    private static IEndpointConventionBuilder Map(this IEndpointRouteBuilder routes, string method, RequestDelegate handler, bool inPath, string root) =>
        routes.MapMethods(inPath ? $"/v1/{root}/{{keyspace}}/{{**key}}" : $"/v1/{root}/{{keyspace}}", [method], handler).WithMetadata(handler.Method);

    private static IEndpointConventionBuilder Addressed(IEndpointConventionBuilder builder, bool inPath, string name)
    {
        builder.WithName(inPath ? name : $"{name}64").WithTags("Keys").WithPath("keyspace", "Name of the keyspace.");
        return inPath
            ? builder.WithPath("key", KeyText)
            : builder.WithQuery(KeyRequest.Key64Parameter, "The key as base64url, padding optional: arbitrary bytes.", required: true);
    }

    private static IEndpointConventionBuilder WithGetParameters(this IEndpointConventionBuilder builder) => builder
        .WithQuery(KeysApi.AsOfParameter, "A timestamp (16 hex digits) or an RFC 3339 time.")
        .WithHeader("If-None-Match", "Versions in quotes, or *: 304 when the version is among them.")
        .WithHeader("If-Match", "Versions in quotes, or *: 412 when the version is not among them.")
        .WithReadParameters();

    private static IEndpointConventionBuilder WithWriteParameters(this IEndpointConventionBuilder builder) => builder
        .WithHeader("If-Match", "A version in quotes: the key must exist with it. * : the key must exist.")
        .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
        .WithHeader(
            Consistency.Header,
            "quorum (default): durable on a majority of the replicas. all: on every one; when the time ends first it is a success all the same, and GrainDb-Replicas says who has it.")
        .WithCommonParameters();

    private static IEndpointConventionBuilder WithReadParameters(this IEndpointConventionBuilder builder) => builder
        .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
        .WithHeader(
            Consistency.Header,
            "linearizable (default): everything acknowledged before. session: at least what the token has seen. bounded;max-staleness-ms=n, 0 to 86400000: nothing older; "
            + "with ;fallback=none 503 where the nearest replica cannot tell, else the leader serves. eventual: something that was committed once.")
        .WithCommonParameters();

    private static IEndpointConventionBuilder WithCommonParameters(this IEndpointConventionBuilder builder) => builder
        .WithHeader(KeyRequest.TimeoutHeader, "Budget of the operation: 500ms, 2s; 10s by default, 60s at most.")
        .WithHeader(KeyRequest.SessionHeader, "The token of the session's last answer, opaque: what is read with session sees all that it has seen.");

    private static IEndpointConventionBuilder WithWriteHeaders(this IEndpointConventionBuilder builder) => builder
        .WithResponseHeader(KeyHeaders.CommitTimestamp, "The version, 16 hex digits.")
        .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=leader.")
        .WithResponseHeader(KeyHeaders.Replicas, "What each replica had said: node1=ok, node2=ok, node3=timeout. Where it is known, with all always.")
        .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this write.");

    private static IEndpointConventionBuilder WithReadHeaders(this IEndpointConventionBuilder builder) => builder
        .WithResponseHeader(KeyHeaders.ReadTimestamp, "The snapshot that was read: asOf with it gives the same.")
        .WithResponseHeader(KeyHeaders.StalenessMs, "How old the answer may be, a bound; 0 from the leader, absent when a follower knows none.")
        .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=leader or follower.")
        .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this snapshot.");
}

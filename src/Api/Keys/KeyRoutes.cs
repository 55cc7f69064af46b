using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Keys;

/// <summary>The routes of keys, history and batches, and what the OpenAPI document says of them.</summary>
internal static class KeyRoutes
{
    private const string Root = "/v1/kv";
    private const string Tag = "Keys";

    public static void MapKeys(this IEndpointRouteBuilder routes, Operations operations, KeysApi keys, ScanApi scans, HistoryApi history, BatchApi batches)
    {
        var put = operations.Endpoint("put", keys.PutAsync);
        var get = operations.Endpoint("get", keys.GetAsync);
        var head = operations.Endpoint("head", keys.GetAsync);
        var delete = operations.Endpoint("delete", keys.DeleteAsync);
        var scan = operations.Endpoint("scan", scans.ScanAsync);
        var read = KeyRouteDocs.ReadOrScan(get, scan);

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

    private static void MapPut(IEndpointRouteBuilder routes, RequestDelegate put, bool inPath) =>
        routes.MapKey("PUT", put, inPath, Root).Addressed(inPath, "putKey").WithTags(Tag)
            .WithSummary("Stores a value. Acknowledged when it is durable on a majority of the range's replicas; with all, on every one, or when the time is over. On eventual keyspaces when it is durable on as many replicas as the level says.")
            .WithQuery(KeyRequest.ExplainParameter, "Answer with what each replica said.", JsonSchemaType.Boolean)
            .WithQuery(KeyWrites.TimeToLiveParameter, KeyRouteDocs.TimeToLiveText)
            .WithWriteParameters()
            .WithHeader("Content-Type", KeyRouteDocs.ContentTypeText)
            .WithRawBody("The value, any bytes.")
            .WithAnswer(StatusCodes.Status201Created, "The key did not exist before. Without a body, unless explain=true.", typeof(WriteExplanation))
            .WithAnswer(StatusCodes.Status200OK, "The key existed before. Without a body, unless explain=true; on eventual keyspaces as in EventualWriteExplanation.", typeof(WriteExplanation))
            .WithResponseHeader("ETag", "The new version in quotes.")
            .WithWriteHeaders()
            .WithErrors(KeyRouteDocs.WriteErrors);

    private static void MapDelete(IEndpointRouteBuilder routes, RequestDelegate delete, bool inPath) =>
        routes.MapKey("DELETE", delete, inPath, Root).Addressed(inPath, "deleteKey").WithTags(Tag)
            .WithSummary("Deletes a key; succeeds also when it is absent. If-Match makes it strict.")
            .WithWriteParameters()
            .WithAnswer(StatusCodes.Status204NoContent, "The key is absent now.")
            .WithWriteHeaders()
            .WithErrors(KeyRouteDocs.WriteErrors);

    private static void MapGet(IEndpointRouteBuilder routes, RequestDelegate read) =>
        routes.MapKey("GET", read, inPath: true, Root).Addressed(inPath: true, "getKey").WithTags(Tag)
            .WithSummary("Reads a value: linearizable, weaker and nearer, or as of a time.")
            .WithGetParameters()
            .WithQuery(KeyRequest.ExplainParameter, "Answer with how the read came about, in place of the value.", JsonSchemaType.Boolean)
            .WithRawAnswer(StatusCodes.Status200OK, "The bytes as stored, with their content type. They are served inert (nosniff, sandbox). With explain=true an explanation.")
            .WithAnswer(StatusCodes.Status200OK, "With explain=true: how the read came about; on eventual keyspaces as in EventualReadExplanation.", typeof(ReadExplanation))
            .WithAnswer(StatusCodes.Status300MultipleChoices, "On eventual keyspaces: several values were written concurrently, and all stand. Without a Location.", typeof(Siblings))
            .WithReadHeaders()
            .WithErrors([.. KeyRouteDocs.ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapHead(IEndpointRouteBuilder routes, RequestDelegate head, bool inPath) =>
        routes.MapKey("HEAD", head, inPath, Root).Addressed(inPath, "headKey").WithTags(Tag)
            .WithSummary("What GET would answer, without the value.")
            .WithGetParameters()
            .WithAnswer(StatusCodes.Status200OK, "The key exists.")
            .WithAnswer(StatusCodes.Status300MultipleChoices, "It exists with several concurrent values.")
            .WithReadHeaders()
            .WithErrors([.. KeyRouteDocs.ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapScan(IEndpointRouteBuilder routes, RequestDelegate read) =>
        routes.MapKey("GET", read, inPath: false, Root)
            .WithName("scanKeys").WithTags(Tag)
            .WithSummary("Scans a keyspace, all pages of one cursor at one snapshot. With key64 it reads that key, as the route with the key in the path does.")
            .WithScan()
            .WithQuery(KeyRequest.ExplainParameter, "With key64: answer with how the read came about.", JsonSchemaType.Boolean)
            .WithQuery(KeysApi.AsOfParameter, "A timestamp (16 hex digits) or an RFC 3339 time.")
            .WithReadParameters()
            .WithReadHeaders()
            .WithErrors([.. KeyRouteDocs.ReadErrors, ErrorCode.KeyNotFound, ErrorCode.VersionMismatch]);

    private static void MapHistory(IEndpointRouteBuilder routes, RequestDelegate history, bool inPath) =>
        routes.MapKey("GET", history, inPath, "/v1/history").Addressed(inPath, "getHistory").WithTags(Tag)
            .WithSummary("The retained versions of a key, newest first; at most 1000. The leader's, which is at least as new as any level asks for.")
            .WithReadParameters()
            .WithAnswer(StatusCodes.Status200OK, "The versions; none when there is none.", typeof(KeyHistory))
            .WithResponseHeader(KeyHeaders.ServedBy, "Who answered.")
            .WithResponseHeader(KeyHeaders.Session, "The session's token.")
            .WithErrors(KeyRouteDocs.ReadErrors);

    private static void MapBatch(IEndpointRouteBuilder routes, RequestDelegate batch) =>
        routes.MapPost("/v1/batch", batch).WithMetadata(batch.Method)
            .WithName("postBatch").WithTags(Tag)
            .WithSummary("Runs up to 1000 operations, in order per key, in parallel across keys; not atomic.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget of the whole batch, 10s by default, 60s at most.")
            .WithHeader(KeyRequest.SessionHeader, "The session's token.")
            .WithJsonBody(typeof(BatchBody), required: true)
            .WithIdempotency()
            .WithAnswer(StatusCodes.Status200OK, "One result per operation, each with the status that the single request would have had.", typeof(BatchResults))
            .WithResponseHeader(KeyHeaders.Session, "The session's token.")
            .WithErrors(ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType, ErrorCode.UnsupportedForFamily, ErrorCode.Overloaded);

    private static IEndpointConventionBuilder WithGetParameters(this IEndpointConventionBuilder builder) => builder
        .WithQuery(KeysApi.AsOfParameter, "A timestamp (16 hex digits) or an RFC 3339 time.")
        .WithReadConditions()
        .WithReadParameters();

    private static IEndpointConventionBuilder WithWriteParameters(this IEndpointConventionBuilder builder) => builder
        .WithWriteConditions()
        .WithIdempotency()
        .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
        .WithHeader(
            Consistency.Header,
            "quorum (default): durable on a majority of the replicas. all: on every one; when the time ends first it is a success all the same, and GrainDb-Replicas says who has it. "
            + EventualDocs.WriteLevels)
        .WithHeader(KeyRequest.ContextHeader, EventualDocs.ContextText)
        .WithCommonParameters();

    private static IEndpointConventionBuilder WithReadParameters(this IEndpointConventionBuilder builder) => builder
        .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
        .WithHeader(
            Consistency.Header,
            "linearizable (default): everything acknowledged before. session: at least what the token has seen. bounded;max-staleness-ms=n, 0 to 86400000: nothing older; "
            + "with ;fallback=none 503 where the nearest replica cannot tell, else the leader serves. eventual: something that was committed once. "
            + EventualDocs.ReadLevels)
        .WithCommonParameters();

    private static IEndpointConventionBuilder WithCommonParameters(this IEndpointConventionBuilder builder) => builder
        .WithHeader(KeyRequest.TimeoutHeader, "Budget of the operation: 500ms, 2s; 10s by default, 60s at most.")
        .WithHeader(KeyRequest.SessionHeader, "The token of the session's last answer, opaque: what is read with session sees all that it has seen.");

    private static IEndpointConventionBuilder WithWriteHeaders(this IEndpointConventionBuilder builder) => builder
        .WithResponseHeader(KeyHeaders.CommitTimestamp, "The version, 16 hex digits.")
        .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=leader; on eventual keyspaces role=coordinator.")
        .WithResponseHeader(KeyRequest.ContextHeader, EventualDocs.ContextAnswer)
        .WithResponseHeader(KeyHeaders.Replicas, "What each replica had said: node1=ok, node2=ok, node3=timeout. Where it is known, with all always.")
        .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this write.");

    private static IEndpointConventionBuilder WithReadHeaders(this IEndpointConventionBuilder builder) => builder
        .WithResponseHeader(KeyHeaders.ReadTimestamp, "The snapshot that was read: asOf with it gives the same.")
        .WithResponseHeader(KeyHeaders.StalenessMs, "How old the answer may be, a bound; 0 from the leader, absent when a follower knows none.")
        .WithResponseHeader(KeyHeaders.ServedBy, "region=eu, range=17, node=node2, role=leader or follower; on eventual keyspaces role=coordinator.")
        .WithResponseHeader(KeyRequest.ContextHeader, EventualDocs.ContextAnswer)
        .WithResponseHeader(KeyHeaders.Replicas, "On eventual keyspaces: what each replica had said.")
        .WithResponseHeader(KeyHeaders.Session, "The session's token: the request's, lifted to this snapshot.");
}

using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Keys;

/// <summary>What the routes of keys inside and outside transactions have in common, and what the OpenAPI document says of it.</summary>
internal static class KeyRouteDocs
{
    public const string TimeToLiveText = "Time to live, 1s to 3650d: after it, by commit time, the key reads as absent.";
    public const string ContentTypeText = "Stored and given back with the value; at most 255 bytes.";

    private const string KeyText = "Percent-encoded UTF-8; everything after the keyspace, slashes and dots included. 1 to 4096 bytes.";

    public static readonly ErrorCode[] ReadErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.KeyspaceNotFound, ErrorCode.SnapshotTooOld, ErrorCode.KeyTooLarge,
        ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown, ErrorCode.Corruption,
    ];

    public static readonly ErrorCode[] WriteErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.Forbidden, ErrorCode.KeyspaceNotFound, ErrorCode.VersionMismatch,
        ErrorCode.KeyTooLarge, ErrorCode.ValueTooLarge, ErrorCode.TooManySiblings, ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown, ErrorCode.Corruption,
    ];

    public static readonly ErrorCode[] EventualReadErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.KeyspaceNotFound, ErrorCode.KeyTooLarge, ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.Corruption,
    ];

    public static readonly ErrorCode[] EventualWriteErrors =
    [
        ErrorCode.InvalidKey, ErrorCode.UnsupportedForFamily, ErrorCode.Forbidden, ErrorCode.KeyspaceNotFound, ErrorCode.KeyTooLarge, ErrorCode.ValueTooLarge,
        ErrorCode.TooManySiblings, ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.OutcomeUnknown, ErrorCode.Corruption,
    ];

    /// <summary>One handler for both: the path alone does not tell a read of <c>?key64=</c> from a scan.</summary>
    public static RequestDelegate ReadOrScan(RequestDelegate get, RequestDelegate scan) => context => NamesKey(context) ? get(context) : scan(context);

    /// <param name="routes">Where to map.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="handler">What answers.</param>
    /// <param name="inPath">Whether the key stands in the path; else in <c>key64</c>.</param>
    /// <param name="root">The path before the keyspace.</param>
    public static IEndpointConventionBuilder MapKey(this IEndpointRouteBuilder routes, string method, RequestDelegate handler, bool inPath, string root) =>
        routes.MapMethods(inPath ? $"{root}/{{keyspace}}/{{**key}}" : $"{root}/{{keyspace}}", [method], handler).WithMetadata(handler.Method);

    public static IEndpointConventionBuilder Addressed(this IEndpointConventionBuilder builder, bool inPath, string name)
    {
        builder.WithName(inPath ? name : $"{name}64").WithPath("keyspace", "Name of the keyspace.");
        return inPath
            ? builder.WithPath("key", KeyText)
            : builder.WithQuery(KeyRequest.Key64Parameter, "The key as base64url, padding optional: arbitrary bytes.", required: true);
    }

    public static IEndpointConventionBuilder WithScan(this IEndpointConventionBuilder builder) => builder
        .WithPath("keyspace", "Name of the keyspace.")
        .WithQuery(KeyRequest.Key64Parameter, "Read this key instead of scanning: base64url, padding optional.")
        .WithQuery("prefix", "Keys that begin with this text.")
        .WithQuery("prefix64", "The same as base64url.")
        .WithQuery("start", "First key of the interval.")
        .WithQuery("start64", "The same as base64url.")
        .WithQuery("end", "First key after the interval.")
        .WithQuery("end64", "The same as base64url.")
        .WithQuery("limit", "Rows of a page, 1 to 10000; 100 by default. A page of large values ends earlier.", JsonSchemaType.Integer)
        .WithQuery("reverse", "Descending order.", JsonSchemaType.Boolean)
        .WithQuery("keysOnly", "Leave the values out.", JsonSchemaType.Boolean)
        .WithQuery(ScanQueries.CursorParameter, "Of the previous page; the rest of the query must be the same, but for limit.")
        .WithHeader("Accept", "application/x-ndjson: one item per line, the cursor in GrainDb-Cursor.")
        .WithAnswer(StatusCodes.Status200OK, "A page, or the value of key64.", typeof(ScanPage))
        .WithAnswer(StatusCodes.Status200OK, "One row per line.", typeof(ScanRow), ScanAnswers.NdJson)
        .WithResponseHeader(KeyHeaders.Cursor, "With ndjson: continues the scan.");

    /// <summary>The conditions of a read, and what they can answer.</summary>
    public static IEndpointConventionBuilder WithReadConditions(this IEndpointConventionBuilder builder) => builder
        .WithHeader("If-None-Match", "Versions in quotes, or *: 304 when the version is among them.")
        .WithHeader("If-Match", "Versions in quotes, or *: 412 when the version is not among them.")
        .WithAnswer(StatusCodes.Status304NotModified, "The version is one of If-None-Match.")
        .WithResponseHeader("ETag", "The version in quotes.");

    public static IEndpointConventionBuilder WithWriteConditions(this IEndpointConventionBuilder builder) => builder
        .WithHeader("If-Match", "A version in quotes: the key must exist with it. * : the key must exist.")
        .WithHeader("If-None-Match", "* : the key must not exist.");

    private static bool NamesKey(HttpContext context)
    {
        var raw = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (KeyTarget.TryParse(raw, out var target) && target.HasKey)
            return true;
        var query = RawTarget.Parse(raw).Query;
        return query.StartsWith("key64", StringComparison.Ordinal) || query.Contains("&key64", StringComparison.Ordinal);
    }
}

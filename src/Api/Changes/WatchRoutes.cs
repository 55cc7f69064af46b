using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Changes;

/// <summary>The route of change feeds.</summary>
internal static class WatchRoutes
{
    public static void MapWatch(this IEndpointRouteBuilder routes, WatchApi api) =>
        routes.MapGet("/v1/watch/{keyspace}", (RequestDelegate)api.GetAsync).WithMetadata(((RequestDelegate)api.GetAsync).Method)
            .WithName("watch").WithTags("Changes")
            .WithSummary("Follows what is committed in a keyspace: every version once, by version and then by key, the writes of a transaction together.")
            .WithPath("keyspace", "Name of the keyspace.")
            .WithQuery("prefix", "Only keys that begin with it.")
            .WithQuery("prefix64", "The same as base64url.")
            .WithQuery(WatchRequest.FromParameter, "What comes after it: a cursor of this feed, a timestamp (16 hex digits) such as a scan's readTimestamp, or an RFC 3339 time. Without it the feed begins now.")
            .WithQuery(WatchRequest.WaitParameter, "Long poll: answers JSON as soon as there are changes, or after this time, 0s to 60s, without any.")
            .WithHeader(WatchRequest.LastEventIdHeader, "The id of the last event that arrived; counts instead of from.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget until the first answer: 10s by default, 60s at most.")
            .WithAnswer(
                StatusCodes.Status200OK,
                "Server-sent events put, delete (data: as an event of the long poll, without event and cursor) and progress (data: resolvedTimestamp), "
                + "the latter at once and every 5 s; id is the cursor. A comment says why the server ends a stream. With wait one JSON object.",
                typeof(WatchPage),
                "application/json",
                EventStream.MediaType)
            .WithErrors(
                ErrorCode.InvalidKey, ErrorCode.KeyTooLarge, ErrorCode.UnsupportedForFamily, ErrorCode.KeyspaceNotFound, ErrorCode.CursorCompacted,
                ErrorCode.Overloaded, ErrorCode.Unavailable, ErrorCode.Corruption);
}

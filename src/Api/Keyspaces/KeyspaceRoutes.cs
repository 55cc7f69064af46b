using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Keyspaces;

/// <summary>The routes of keyspaces.</summary>
internal static class KeyspaceRoutes
{
    private static readonly ErrorCode[] Calls = [ErrorCode.Unavailable, ErrorCode.OutcomeUnknown];
    private static readonly ErrorCode[] Bodies = [ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType];

    public static void MapKeyspaces(this IEndpointRouteBuilder routes, KeyspacesApi api)
    {
        var group = routes.MapGroup("/v1/keyspaces").WithTags("Keyspaces")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.");
        group.MapGet("", (Delegate)api.ListAsync).WithName("listKeyspaces").WithSummary("All keyspaces by name.")
            .WithAnswer(StatusCodes.Status200OK, "The keyspaces.", typeof(KeyspaceList))
            .WithErrors(Calls);
        group.MapGet("/{name}", api.GetAsync).WithName("getKeyspace").WithSummary("One keyspace.")
            .WithPath("name", "Its name.")
            .WithAnswer(StatusCodes.Status200OK, "The keyspace.", typeof(KeyspaceView))
            .WithErrors([.. Calls, ErrorCode.KeyspaceNotFound]);
        group.MapPut("/{name}", api.PutAsync).WithName("putKeyspace").WithSummary("Creates a keyspace with its ranges.")
            .WithPath("name", $"Its name: {KeyspaceName.Rule}.")
            .WithJsonBody(typeof(KeyspaceBody), required: false)
            .WithIdempotency()
            .WithAnswer(StatusCodes.Status201Created, "Created.", typeof(KeyspaceView))
            .WithAnswer(StatusCodes.Status200OK, "It exists with this very configuration.", typeof(KeyspaceView))
            .WithErrors([.. Calls, .. Bodies, ErrorCode.KeyspaceExists, ErrorCode.UnsupportedForFamily, ErrorCode.Forbidden, ErrorCode.InvalidKey, ErrorCode.KeyTooLarge]);
        group.MapPatch("/{name}", api.PatchAsync).WithName("patchKeyspace").WithSummary("Changes retention and default isolation, which is all that may change.")
            .WithPath("name", "Its name.")
            .WithJsonBody(typeof(KeyspaceBody), required: true)
            .WithIdempotency()
            .WithAnswer(StatusCodes.Status200OK, "The keyspace as it is now.", typeof(KeyspaceView))
            .WithErrors([.. Calls, .. Bodies, ErrorCode.KeyspaceNotFound, ErrorCode.UnsupportedForFamily, ErrorCode.Forbidden]);
        group.MapDelete("/{name}", api.DeleteAsync).WithName("deleteKeyspace").WithSummary("Deletes a keyspace with all of its keys.")
            .WithPath("name", "Its name.")
            .WithQuery(KeyspacesApi.ConfirmParameter, "Its name again.", required: true)
            .WithIdempotency()
            .WithAnswer(StatusCodes.Status204NoContent, "Deleted; its files go in the background.")
            .WithErrors([.. Calls, ErrorCode.KeyspaceNotFound, ErrorCode.Forbidden]);
    }
}

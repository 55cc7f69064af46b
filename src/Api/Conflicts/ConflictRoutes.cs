using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Conflicts;

/// <summary>The routes of ended conflicts.</summary>
internal static class ConflictRoutes
{
    private const string Tag = "Conflicts";

    public static void MapConflicts(this IEndpointRouteBuilder routes, Operations operations, ConflictsApi api)
    {
        var list = operations.Endpoint("conflicts", api.ListAsync);
        routes.MapGet("/v1/conflicts", list).WithMetadata(list.Method)
            .WithName("listConflicts").WithTags(Tag)
            .WithSummary("Conflicts of an eventual keyspace that were ended, by timestamp or by a writer, with the values that lost; newest first. Each replica keeps the newest 1024, at most 4 MiB.")
            .WithQuery(ConflictsApi.KeyspaceParameter, "Name of the keyspace.", required: true)
            .WithQuery(ConflictsApi.LimitParameter, "Entries of a page, 1 to 1000; 100 by default.", JsonSchemaType.Integer)
            .WithQuery(ConflictsApi.CursorParameter, "Of the previous page; of the same keyspace.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.")
            .WithAnswer(StatusCodes.Status200OK, "A page.", typeof(ConflictList))
            .WithErrors(ErrorCode.KeyspaceNotFound, ErrorCode.UnsupportedForFamily, ErrorCode.Overloaded, ErrorCode.Unavailable);
        var resolve = operations.Endpoint("resolveConflict", api.ResolveAsync);
        routes.MapPost("/v1/conflicts/{id}/resolve", resolve).WithMetadata(resolve.Method)
            .WithName("resolveConflict").WithTags(Tag)
            .WithSummary("Accepts what stands, or writes something else over it: a loser, a value, a deletion. The conflict is then not listed any more.")
            .WithPath(ConflictsApi.IdParameter, "As the list gives it.")
            .WithJsonBody(typeof(ResolveBody), required: true)
            .WithIdempotency()
            .WithQuery(Consistency.Parameter, "The same as GrainDb-Consistency.")
            .WithHeader(Consistency.Header, "Of what is written: one, quorum (default), all or w=n.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.")
            .WithAnswer(StatusCodes.Status200OK, "What was done.", typeof(ResolvedConflict))
            .WithEventualHeaders(write: true)
            .WithErrors([.. KeyRouteDocs.EventualWriteErrors, ErrorCode.ConflictNotFound, ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType]);
    }
}

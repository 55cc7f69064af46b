using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Admin;

/// <summary>The routes of housekeeping.</summary>
internal static class AdminRoutes
{
    public static void MapAdmin(this IEndpointRouteBuilder routes, AdminApi api)
    {
        var group = routes.MapGroup("/v1/admin").WithTags("Administration");
        group.MapPost("/gc", (Delegate)api.CollectGarbageAsync).WithName("collectGarbage")
            .WithSummary("Collects versions older than their keyspace's retention now, without waiting for the schedule.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget, 60s by default and at most.")
            .WithAnswer(StatusCodes.Status202Accepted, "Done.", typeof(GarbageCollected))
            .WithErrors(ErrorCode.Unavailable, ErrorCode.OutcomeUnknown);
        group.MapPost("/checkpoint", (Delegate)api.CheckpointAsync).WithName("checkpointCluster")
            .WithSummary("Writes a checkpoint of every range that is in memory.")
            .WithHeader(KeyRequest.TimeoutHeader, "Budget, 60s by default and at most.")
            .WithAnswer(StatusCodes.Status202Accepted, "Which were written and which failed.", typeof(ClusterCheckpointed))
            .WithErrors(ErrorCode.Unavailable, ErrorCode.OutcomeUnknown);
        group.MapGet("/config", (Delegate)api.GetConfiguration).WithName("getConfiguration")
            .WithSummary("Effective settings of this node, secrets redacted.")
            .WithAnswer(StatusCodes.Status200OK, "The settings.", typeof(EffectiveSettings));
    }
}

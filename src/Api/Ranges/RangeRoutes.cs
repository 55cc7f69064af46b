using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Ranges;

/// <summary>The routes of ranges.</summary>
internal static class RangeRoutes
{
    public static void MapRanges(this IEndpointRouteBuilder routes, RangesApi api)
    {
        var group = routes.MapGroup("/v1/ranges").WithTags("Ranges").WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.")
            .WithErrors(ErrorCode.Unavailable);
        group.MapGet("", (Delegate)api.ListAsync).WithName("listRanges").WithSummary("Ranges by id. Wakes none.")
            .WithQuery("keyspace", "Only those of this keyspace.")
            .WithQuery("unhealthy", "Only those with something wrong.", JsonSchemaType.Boolean)
            .WithAnswer(StatusCodes.Status200OK, "The ranges.", typeof(RangeList))
            .WithErrors(ErrorCode.KeyspaceNotFound);
        group.MapGet("/{id}", api.GetAsync).WithName("getRange").WithSummary("Bounds, leader, epoch, replicas, size and rate of one range. Does not wake it.")
            .WithPath("id", "Its number.")
            .WithAnswer(StatusCodes.Status200OK, "The range.", typeof(RangeView))
            .WithErrors(ErrorCode.RangeNotFound);
        group.MapPost("/{id}/checkpoint", api.CheckpointAsync).WithName("checkpointRange").WithSummary("Writes a checkpoint now; answers when it is written.")
            .WithPath("id", "Its number.")
            .WithAnswer(StatusCodes.Status202Accepted, "Written.", typeof(RangeCheckpointed))
            .WithErrors(ErrorCode.RangeNotFound, ErrorCode.OutcomeUnknown, ErrorCode.Corruption);
        group.MapPost("/{id}/repair", api.RepairAsync).WithName("repairRange")
            .WithSummary("Has the replicas of an eventual partition compared with each other soon; they do that by themselves from time to time too.")
            .WithPath("id", "Its number.")
            .WithAnswer(StatusCodes.Status202Accepted, "Taken up; the partition shows when its replicas last agreed.", typeof(RangeRepair))
            .WithErrors(ErrorCode.RangeNotFound, ErrorCode.UnsupportedForFamily);
        group.MapPost("/{id}/transfer-leader", api.TransferLeaderAsync).WithName("transferLeader")
            .WithSummary("Lets another replica's node lead the range, now and while it is up. What is in flight is answered first.")
            .WithPath("id", "Its number.")
            .WithJsonBody(typeof(TransferLeaderBody), required: true)
            .WithAnswer(StatusCodes.Status202Accepted, "Under way; the range shows when it is done. Also when the node leads already.", typeof(LeaderTransfer))
            .WithErrors(ErrorCode.RangeNotFound, ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType, ErrorCode.OutcomeUnknown);
    }
}

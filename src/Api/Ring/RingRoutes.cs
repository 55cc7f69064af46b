using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ring;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Ring;

/// <summary>The routes of ring and nodes.</summary>
internal static class RingRoutes
{
    public static void MapRing(this IEndpointRouteBuilder routes, RingApi api)
    {
        var group = routes.MapGroup("/v1").WithTags("Ring").WithHeader(KeyRequest.TimeoutHeader, "Budget, 10s by default, 60s at most.")
            .WithErrors(ErrorCode.Unavailable);
        group.MapGet("/ring", (Delegate)api.GetRingAsync).WithName("getRing").WithSummary("The weighted ring of every region.")
            .WithAnswer(StatusCodes.Status200OK, "The rings.", typeof(RingView));
        group.MapGet("/ring/locate", (Delegate)api.LocateAsync).WithName("locateKey").WithSummary("Where a key lives.")
            .WithQuery("keyspace", "Name of the keyspace.", required: true)
            .WithQuery("key", "The key; or key64.")
            .WithQuery(KeyRequest.Key64Parameter, "The key as base64url.")
            .WithQuery("replicas", "Distinct nodes to walk to, 1 to 7; 3 by default.", JsonSchemaType.Integer)
            .WithAnswer(StatusCodes.Status200OK, "Token, range, replicas in order, leader.", typeof(KeyLocationView))
            .WithErrors(ErrorCode.KeyspaceNotFound, ErrorCode.InvalidKey, ErrorCode.KeyTooLarge);
        group.MapGet("/ring/distribution", (Delegate)api.GetDistributionAsync).WithName("getDistribution").WithSummary("How a sample of keys spreads over the nodes.")
            .WithQuery("keys", "Size of the sample, 1 to 1000000; 10000 by default.", JsonSchemaType.Integer)
            .WithQuery("replicas", "Distinct nodes per key, 1 to 7; 3 by default.", JsonSchemaType.Integer)
            .WithAnswer(StatusCodes.Status200OK, "Per node.", typeof(RingDistributionView));
        group.MapPost("/ring/plan", (Delegate)api.PlanAsync).WithName("planRing").WithSummary("What a change of the ring would move. Changes nothing.")
            .WithJsonBody(typeof(RingPlanBody), required: true)
            .WithAnswer(StatusCodes.Status200OK, "The plan.", typeof(RingPlanView))
            .WithErrors(ErrorCode.NodeNotFound, ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType);
        group.MapGet("/nodes", (Delegate)api.GetNodesAsync).WithName("listNodes").WithSummary("All nodes by name.")
            .WithAnswer(StatusCodes.Status200OK, "The nodes.", typeof(NodeList));
        group.MapGet("/nodes/{name}", api.GetNodeAsync).WithName("getNode").WithSummary("One node.")
            .WithPath("name", "Its stable name.")
            .WithAnswer(StatusCodes.Status200OK, "The node.", typeof(NodeView))
            .WithErrors(ErrorCode.NodeNotFound);
    }
}

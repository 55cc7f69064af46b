using GrainDb.Interfaces.Errors;
using GrainDb.Silo.Hosting;
using Microsoft.AspNetCore.Http.HttpResults;
using ErrorCode = GrainDb.Interfaces.Errors.ErrorCode;

namespace GrainDb.Silo.Health;

/// <summary><c>/health/live</c>, <c>/health/ready</c>, <c>/health/startup</c>. "Not yet" is the problem document of <c>unavailable</c>, with the reason.</summary>
public static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        var health = routes.MapGroup("/health").WithTags("Health");
        health.MapGet("/live", Live).WithName("GetLiveness").WithSummary("The process answers. Touches nothing else.");
        health.MapGet("/ready", ReadyAsync).WithName("GetReadiness").WithSummary("All nodes of this process can serve. Red while it drains.")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        health.MapGet("/startup", Startup).WithName("GetStartup").WithSummary("All nodes of this process have been ready once.")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }

    private static Ok<HealthStatus> Live() => TypedResults.Ok(new HealthStatus("live"));

    private static async Task<Ok<HealthStatus>> ReadyAsync(NodeReadiness readiness, CancellationToken cancellationToken) =>
        await readiness.AskAsync(cancellationToken) is { } reason ? throw NotYet(reason) : TypedResults.Ok(new HealthStatus("ready"));

    private static Ok<HealthStatus> Startup(NodeReadiness readiness) =>
        readiness.Started ? TypedResults.Ok(new HealthStatus("started")) : throw NotYet("the nodes of this process are starting");

    /// <summary>The API translates failures to HTTP, in one place.</summary>
    private static GrainDbException NotYet(string reason) => new(Failure.NotApplied(ErrorCode.Unavailable, reason));
}

/// <summary>Answer of the health routes.</summary>
/// <param name="Status"><c>live</c>, <c>ready</c> or <c>started</c>.</param>
public sealed record HealthStatus(string Status);

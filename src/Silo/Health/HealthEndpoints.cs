using GrainDb.Silo.Hosting;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace GrainDb.Silo.Health;

/// <summary><c>/health/live</c>, <c>/health/ready</c>, <c>/health/startup</c>.</summary>
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

    private static async Task<Results<Ok<HealthStatus>, ProblemHttpResult>> ReadyAsync(NodeReadiness readiness, CancellationToken cancellationToken) =>
        await readiness.AskAsync(cancellationToken) is { } reason ? NotYet("Not ready", reason) : TypedResults.Ok(new HealthStatus("ready"));

    private static Results<Ok<HealthStatus>, ProblemHttpResult> Startup(NodeReadiness readiness) =>
        readiness.Started ? TypedResults.Ok(new HealthStatus("started")) : NotYet("Not started", "the nodes of this process are starting");

    private static ProblemHttpResult NotYet(string title, string reason) => TypedResults.Problem(new ProblemDetails
    {
        Type = "/problems/unavailable",
        Title = title,
        Status = StatusCodes.Status503ServiceUnavailable,
        Detail = reason,
        Extensions = { ["code"] = "unavailable", ["outcome"] = "notApplied", ["retryable"] = true },
    });
}

/// <summary>Answer of the health routes.</summary>
/// <param name="Status"><c>live</c>, <c>ready</c> or <c>started</c>.</param>
public sealed record HealthStatus(string Status);

using GrainDb.Api.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Errors;

/// <summary>What <c>type</c> of a problem document points to.</summary>
/// <param name="Code">The code.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Outcome">What is certain about the effect where the document itself does not say more.</param>
/// <param name="Title">Title.</param>
/// <param name="Explanation">What a caller should do.</param>
public sealed record ProblemDescription(string Code, int Status, string Outcome, string Title, string Explanation);

/// <summary><c>GET /problems/{code}</c>.</summary>
internal static class ProblemsApi
{
    public static void MapProblems(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/problems/{code}", Get)
            .WithName("getProblem").WithTags("Errors").WithSummary("Explains an error code.")
            .WithPath("code", "The code of a problem document.")
            .WithAnswer(StatusCodes.Status200OK, "What it means and what to do.", typeof(ProblemDescription))
            .WithErrors(ErrorCode.RouteNotFound);

    private static Ok<ProblemDescription> Get(string code) => ErrorTable.Find(code) is { } row
        ? TypedResults.Ok(new ProblemDescription(row.Name, row.Status, ErrorTable.NameOf(row.Outcome), row.Title, row.Explanation))
        : throw BadInput.Of(ErrorCode.RouteNotFound, $"There is no error code '{code}'.");
}

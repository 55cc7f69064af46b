using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>The answer to a GET or HEAD of a key, inside a transaction or not.</summary>
internal static class KeyAnswers
{
    /// <summary>Answers with the value, or that the caller has it; else says why not. What a transaction wrote itself has no version yet, and no ETag.</summary>
    /// <param name="context">The request; its other response headers are set.</param>
    /// <param name="result">A read that was served.</param>
    /// <param name="precondition">What a conditional read asks; null for none.</param>
    /// <param name="asOf">The snapshot that was asked for; zero for none.</param>
    public static async ValueTask<Failure?> WriteAsync(HttpContext context, ReadResult result, ReadPrecondition? precondition, Timestamp asOf)
    {
        if (precondition is not null && precondition.Refuses(result.Found, result.Version))
            return Mismatch(result);
        if (!result.Found)
            return NotFound(asOf);

        var response = context.Response;
        if (!result.Version.IsZero)
            response.Headers.ETag = EntityTags.Format(result.Version);
        if (precondition is not null && precondition.IsNotModified(result.Version))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return null;
        }

        SetInert(response.Headers);
        response.ContentType = MediaType.ToServe(result.ContentType);
        response.ContentLength = result.Value.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.BodyWriter.WriteAsync(result.Value, context.RequestAborted);
        return null;
    }

    public static Failure NotFound(Timestamp asOf) => Failure.NotApplied(
        ErrorCode.KeyNotFound,
        asOf.IsZero ? "The key does not exist." : $"The key does not exist at {asOf}.");

    private static Failure Mismatch(ReadResult result) => Failure.NotApplied(
        ErrorCode.VersionMismatch,
        result switch
        {
            { Found: false } => "If-Match needs the key to exist, and it does not.",
            { Version.IsZero: true } => "If-Match names a version, and what the transaction wrote itself has none before its commit.",
            _ => $"If-Match does not name the version {result.Version} that is there.",
        }) with
    {
        CurrentVersion = result.Found ? result.Version : Timestamp.Zero,
    };

    /// <summary>Stored bytes are shown under the service's own origin; a browser must not run them.</summary>
    private static void SetInert(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
    }
}

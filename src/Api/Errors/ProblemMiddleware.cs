using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace GrainDb.Api.Errors;

/// <summary>
/// The outermost part of the API: turns exceptions and bare error statuses (unknown path, wrong method) of everything behind
/// it into problem documents.
/// </summary>
internal sealed class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (Exception exception)
        {
            await HandleAsync(context, exception);
            return;
        }

        var response = context.Response;
        if (response.StatusCode >= StatusCodes.Status400BadRequest
            && !response.HasStarted && response.ContentLength is null && response.ContentType is null)
            await ProblemMapper.WriteAsync(context, DescribeStatus(context, response.StatusCode));
    }

    /// <summary>
    /// What an exception says about the request. Whatever is not known to have been refused before anything was proposed
    /// has an unknown outcome, unless the method cannot have an effect.
    /// </summary>
    public static Failure Describe(Exception exception, string method)
    {
        var readOnly = HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method);
        return exception switch
        {
            GrainDbException known => known.Failure,
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } bad => Failure.NotApplied(ErrorCode.RequestTooLarge, bad.Message),
            BadHttpRequestException bad => Failure.NotApplied(ErrorCode.InvalidRequest, bad.Message),
            OperationCanceledException when readOnly => Failure.NotApplied(ErrorCode.Unavailable, "The read ran out of time."),
            OperationCanceledException => Failure.Unknown(ErrorCode.OutcomeUnknown, "The request ran out of time; what it asked for may still happen."),
            _ => new Failure(ErrorCode.Internal, readOnly ? Outcome.NotApplied : Outcome.Unknown, "An unexpected error; the node's log has it under the traceId."),
        };
    }

    private static Failure DescribeStatus(HttpContext context, int status)
    {
        var code = ErrorTable.ForStatus(status);
        var method = context.Request.Method;
        return code switch
        {
            ErrorCode.RouteNotFound => Failure.NotApplied(code, "The path names nothing that this version serves; /openapi/v1.json lists every route."),
            ErrorCode.MethodNotAllowed => Failure.NotApplied(code, $"{method} is not offered here; allowed: {context.Response.Headers.Allow}."),
            ErrorCode.Internal => Failure.Unknown(code, $"The request ended with status {status}."),
            _ => Failure.NotApplied(code, $"The request was refused with status {status}."),
        };
    }

    private async Task HandleAsync(HttpContext context, Exception exception)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone; there is nobody to answer, and the write it asked for may still commit.
            ErrorLog.RequestAborted(logger, context.Request.Method);
            if (!context.Response.HasStarted)
                context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return;
        }

        var failure = Describe(exception, context.Request.Method);
        if (failure.Code == ErrorCode.Internal && exception is not GrainDbException)
            ErrorLog.Unhandled(logger, exception, context.Request.Method, context.GetEndpoint()?.DisplayName ?? "no route");

        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            context.Abort();
            return;
        }

        var allow = context.Response.Headers.Allow;
        context.Response.Clear();
        context.Response.Headers.Allow = allow;
        await ProblemMapper.WriteAsync(context, failure);
    }
}

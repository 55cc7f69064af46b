using System.Diagnostics;
using GrainDb.Api.Errors;
using GrainDb.Api.Telemetry;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Requests;

/// <summary>One operation: writes its own answer and returns null, or returns why it failed and writes nothing.</summary>
internal delegate ValueTask<Failure?> Operation(HttpContext context);

/// <summary>
/// What every data operation has around it: the bound on concurrency, the translation of failures, the measurement. The hot
/// routes are plain request delegates: binding by reflection would cost more than the operation.
/// </summary>
internal sealed class Operations(ApiOptions options, ApiInstruments instruments)
{
    private int _running;

    public RequestDelegate Endpoint(string name, Operation operation) => context => RunAsync(name, operation, context);

    private async Task RunAsync(string name, Operation operation, HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        Failure? failure;
        try
        {
            failure = Interlocked.Increment(ref _running) > options.MaxConcurrentOperations
                ? Overloaded()
                : await operation(context);
        }
        catch (GrainDbException exception)
        {
            failure = exception.Failure;
        }
        catch (Exception exception)
        {
            instruments.Record(name, ProblemMiddleware.Describe(exception, context.Request.Method), started);
            throw;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }

        if (failure is not null)
        {
            if (context.Response.HasStarted)
                context.Abort();
            else
                await ProblemMapper.WriteAsync(context, failure);
        }

        instruments.Record(name, failure, started);
    }

    private Failure Overloaded() => Failure.NotApplied(
        ErrorCode.Overloaded,
        $"This node already handles {options.MaxConcurrentOperations} operations, which is its limit.") with
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };
}

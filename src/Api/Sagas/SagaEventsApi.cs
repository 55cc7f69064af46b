using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Changes;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;

namespace GrainDb.Api.Sagas;

/// <summary>
/// A saga's history as server-sent events, from any place on, until it has ended. Outside of the bound on operations, as other streams are (<see cref="WatchApi"/>); it has one of its own.
/// </summary>
internal sealed class SagaEventsApi(ISagaStore sagas, ApiOptions options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Without events a comment comes so often, so that whoever reads, and proxies in between, know that somebody is there.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(4);

    /// <summary>How long a reader may leave everything lying before its stream is ended.</summary>
    private static readonly TimeSpan SlowReaderPatience = TimeSpan.FromSeconds(20);

    private const int RowsAtOnce = 100;

    private int _running;

    public async Task GetAsync(HttpContext context)
    {
        Failure? failure;
        try
        {
            failure = Interlocked.Increment(ref _running) > options.MaxConcurrentWatches ? Overloaded() : await ServeAsync(context);
        }
        catch (GrainDbException exception)
        {
            failure = exception.Failure;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }

        if (failure is not null)
            await ProblemMapper.WriteAsync(context, failure);
    }

    /// <returns>Why nothing was answered; null when something was.</returns>
    private async Task<Failure?> ServeAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, SagaRequest.FromParameter);
        var id = SagaRequest.Route(context, SagaRequest.IdParameter);
        var from = ReadFrom(context, query);
        var timeout = KeyRequest.ReadTimeout(context.Request.Headers);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var history = await sagas.HistoryAsync(id, from, RowsAtOnce, TimeSpan.Zero, timeout, ending.Token);
        if (history.Failure is not null)
            return history.Failure;
        if (history is { IsComplete: true, Rows.Count: 0 })
        {
            // Tells an EventSource that came again after the end not to come any more.
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return null;
        }

        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = EventStream.MediaType;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await FollowAsync(context.Response.BodyWriter, id, history, timeout, ending.Token);
        return null;
    }

    private async Task FollowAsync(PipeWriter body, string id, SagaHistory history, TimeSpan timeout, CancellationToken ending)
    {
        try
        {
            while (true)
            {
                foreach (var row in history.Rows)
                    Write(body, row);
                if (history.Rows.Count == 0)
                    Write(body, ": nothing new\n\n");
                if (!await TryFlushAsync(body, ending) || history.IsComplete)
                    return;
                var next = await sagas.HistoryAsync(id, history.Next, RowsAtOnce, Quiet, timeout, ending);
                if (next.Failure is { } failure)
                {
                    Write(body, $": {ErrorTable.Of(failure.Code).Name}: {failure.Detail}\n\n");
                    return;
                }

                history = next;
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            Write(body, ": this node stops\n\n");
        }
    }

    private static int ReadFrom(HttpContext context, QueryParameters query)
    {
        if (Headers.Single(context.Request.Headers, WatchRequest.LastEventIdHeader) is not { Length: > 0 } last)
            return query.Integer(SagaRequest.FromParameter, 0, 0, int.MaxValue);
        return int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) && sequence < int.MaxValue
            ? sequence + 1
            : throw BadInput.Request($"{WatchRequest.LastEventIdHeader} is '{QueryParameters.Shorten(last)}'; it must be the id of an event of this stream.");
    }

    private static void Write(PipeWriter body, SagaRow row)
    {
        Write(body, string.Create(CultureInfo.InvariantCulture, $"id: {row.Sequence}\nevent: {row.Event}\ndata: "));
        using (var json = new Utf8JsonWriter(body, JsonValues.WriterOptions))
            SagaJsonWriter.WriteRow(json, row);
        Write(body, "\n\n");
    }

    private static void Write(PipeWriter body, string text) => Encoding.UTF8.GetBytes(text, body);

    /// <returns>False: the reader is gone, or did not take it in time.</returns>
    private async Task<bool> TryFlushAsync(PipeWriter body, CancellationToken ending)
    {
        var flushing = body.FlushAsync(CancellationToken.None);
        if (flushing.IsCompletedSuccessfully)
            return !flushing.Result.IsCompleted;
        try
        {
            return !(await flushing.AsTask().WaitAsync(SlowReaderPatience, time, ending)).IsCompleted;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private Failure Overloaded() => Failure.NotApplied(
        ErrorCode.Overloaded, $"This node already serves {options.MaxConcurrentWatches} readers of sagas' events, which is its limit.") with
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };
}

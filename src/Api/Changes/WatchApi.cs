using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace GrainDb.Api.Changes;

/// <summary>
/// Follows the changes of a keyspace, as a stream of events or as a long poll. Outside of the bound on operations, which would be used up by
/// streams that live for days; it has one of its own.
/// </summary>
internal sealed class WatchApi(IChangeFeed feed, ApiOptions options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Without changes a progress event comes so often: the time that the feed takes to find out is on top.</summary>
    private static readonly TimeSpan Quiet = ChangeLimits.ProgressInterval - TimeSpan.FromSeconds(1);

    /// <summary>How long a reader may leave everything lying before its stream is ended. Shorter than the time for which the feed's place is kept from collection.</summary>
    private static readonly TimeSpan SlowReaderPatience = TimeSpan.FromSeconds(20);

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
        var request = WatchRequest.Read(context, time);
        var query = new ChangeFeedQuery(request.Keyspace, request.Prefix, request.From, IsConnected: request.Wait is null);
        var opening = await feed.OpenAsync(query, request.Timeout, context.RequestAborted);
        if (opening.Stream is not { } stream)
            return opening.Failure;
        await using (stream)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
            if (request.Wait is { } wait)
                return await PollAsync(context, request, stream, wait, ending.Token);
            await FollowAsync(context, request, stream, ending.Token);
            return null;
        }
    }

    private async Task FollowAsync(HttpContext context, WatchRequest request, IChangeStream stream, CancellationToken ending)
    {
        using var events = new EventStream(context, request, time);
        var given = stream.Position;
        try
        {
            var progressAt = time.GetTimestamp();
            for (var wait = TimeSpan.Zero; ; wait = Quiet)
            {
                var batch = await stream.NextAsync(wait, ending);
                if (batch.End is { } end)
                {
                    events.WriteEnd($"{ErrorTable.Of(end.Code).Name}: {end.Detail}", given);
                    break;
                }

                foreach (var change in batch.Changes)
                    events.WriteChange(change);
                given = batch.Position;
                if (batch.Changes.Count == 0 || time.GetElapsedTime(progressAt) >= Quiet)
                {
                    events.WriteProgress(given);
                    progressAt = time.GetTimestamp();
                }

                if (await events.TryFlushAsync(SlowReaderPatience, ending))
                    continue;
                events.WriteEnd($"the reader took nothing for {SlowReaderPatience.TotalSeconds} s", given);
                break;
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            events.WriteEnd("this node stops", given);
        }
    }

    private async Task<Failure?> PollAsync(HttpContext context, WatchRequest request, IChangeStream stream, TimeSpan wait, CancellationToken ending)
    {
        ChangeBatch batch;
        try
        {
            batch = await stream.NextAsync(wait, ending);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            batch = new([], stream.Position, null);
        }

        if (batch.End is not null)
            return batch.End;
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("events"u8);
        foreach (var change in batch.Changes)
        {
            writer.Json.WriteStartObject();
            writer.Json.WriteString("event"u8, ChangeJson.NameOf(change));
            writer.Json.WriteString("cursor"u8, FeedCursor.Format(request.Hash, change.Position));
            ChangeJson.WriteMembers(writer.Json, request.Keyspace, change);
            writer.Json.WriteEndObject();
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteString("cursor"u8, FeedCursor.Format(request.Hash, batch.Position));
        writer.Json.WriteString("resolvedTimestamp"u8, batch.Position.CompleteUpTo.ToString());
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
        return null;
    }

    private Failure Overloaded() => Failure.NotApplied(
        ErrorCode.Overloaded, $"This node already serves {options.MaxConcurrentWatches} readers of changes, which is its limit.") with
    {
        RetryAfter = TimeSpan.FromSeconds(1),
    };
}

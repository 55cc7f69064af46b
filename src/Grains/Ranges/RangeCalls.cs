using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// Calls the leader of a range, in process where it is local, and tries again inside the deadline where that is safe: a read
/// always, a write only when its failure says that nothing was proposed and a newer route or a moment may help.
/// </summary>
internal sealed class RangeCalls(MetaCache meta, LeaderRoutes routes, TimeProvider time)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan PatienceWithoutNode = TimeSpan.FromMilliseconds(500);
    /// <summary>A retry wants a newer map, and does not depend on it: the range may be led again while the meta range is not.</summary>
    private static readonly TimeSpan RefreshPatience = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The leader of a range, by the way that is best now. Within an attempt.</summary>
    /// <exception cref="GrainDbException">Nothing can be asked at this moment; another attempt may find somebody.</exception>
    public IKeyRange Leader(RangeId range) => routes.Find(range);

    /// <summary>Runs one operation until it succeeds, fails for good, or the time is up.</summary>
    /// <param name="attempt">Finds its route anew each time, since the map may have changed.</param>
    /// <param name="failureOf">The failure in a result; null when it succeeded.</param>
    /// <param name="failed">Makes a result of a failure.</param>
    /// <param name="isWrite">Whether an attempt that ended without an answer may have had an effect.</param>
    /// <param name="waitsForLeader">Whether a failure that a new leader would mend is worth another attempt.</param>
    /// <param name="timeout">Budget of all attempts together.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    public async ValueTask<TResult> RunAsync<TResult>(
        Func<MetaSnapshot, ValueTask<TResult>> attempt,
        Func<TResult, Failure?> failureOf,
        Func<Failure, TResult> failed,
        bool isWrite,
        bool waitsForLeader,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var pause = FirstPause;
        var refreshed = false;
        TimeSpan Left() => timeout - time.GetElapsedTime(started);
        while (true)
        {
            Failure failure;
            var nobody = false;
            try
            {
                var result = await AttemptAsync(attempt, Left(), cancellationToken);
                if (failureOf(result) is not { } found)
                    return result;
                if (found.Code == ErrorCode.KeyspaceNotFound && !refreshed)
                {
                    // The view may be older than the keyspace: look once, at the cost of one small read of the meta range.
                    refreshed = true;
                    await RefreshQuietlyAsync(Left(), cancellationToken);
                    continue;
                }

                failure = found;
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                failure = Translate(exception, isWrite);
                nobody = exception is PlacementUnavailableException;
            }

            // Only what certainly did not happen is tried again, and only while there is time for it. That a node is down is known
            // soon, and a caller who waits for its return helps nobody.
            if (!IsWorthAnother(failure, waitsForLeader))
                return failed(failure);
            if (Left() <= pause || (nobody && time.GetElapsedTime(started) > PatienceWithoutNode))
                return failed(Final(failure));
            await Task.Delay(pause, time, cancellationToken);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            await RefreshQuietlyAsync(Left() < RefreshPatience ? Left() : RefreshPatience, cancellationToken);
            if (Left() <= TimeSpan.Zero)
                return failed(Final(failure));
        }
    }

    private async ValueTask<TResult> AttemptAsync<TResult>(
        Func<MetaSnapshot, ValueTask<TResult>> attempt,
        TimeSpan left,
        CancellationToken cancellationToken)
    {
        if (meta.Current is not { } snapshot)
            snapshot = await FetchAsync(left, cancellationToken);
        var running = attempt(snapshot);
        return running.IsCompletedSuccessfully
            ? running.Result
            : await running.AsTask().WaitAsync(left, time, cancellationToken);
    }

    /// <summary>Nothing was proposed yet, so running out of time here is no unknown outcome.</summary>
    private async Task<MetaSnapshot> FetchAsync(TimeSpan left, CancellationToken cancellationToken)
    {
        try
        {
            return await meta.RefreshAsync(cancellationToken).WaitAsync(left, time, cancellationToken);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or GrainDbException))
        {
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"the meta range cannot be read: {exception.Message}"));
        }
    }

    private async Task RefreshQuietlyAsync(TimeSpan left, CancellationToken cancellationToken)
    {
        if (left > TimeSpan.Zero)
            await ((Task)meta.RefreshAsync(cancellationToken)).WaitAsync(left, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static bool IsWorthAnother(Failure failure, bool waitsForLeader) =>
        failure.Outcome == Outcome.NotApplied && (failure.Code == ErrorCode.RangeMoved || (waitsForLeader && failure.Code == ErrorCode.Unavailable));

    /// <summary>What an attempt that ended in an exception means. A grain call that was sent may have been carried out.</summary>
    private static Failure Translate(Exception exception, bool isWrite) => exception switch
    {
        GrainDbException known => known.Failure,
        PlacementUnavailableException => Failure.NotApplied(ErrorCode.Unavailable, exception.Message),
        TimeoutException or OrleansException when isWrite => Failure.Unknown(
            ErrorCode.OutcomeUnknown, "the leader did not answer in time; the write may have happened"),
        TimeoutException or OrleansException => Failure.NotApplied(ErrorCode.Unavailable, "the leader did not answer in time"),
        _ when isWrite => Failure.Unknown(ErrorCode.Internal, "an unexpected error; the write may have happened"),
        _ => Failure.NotApplied(ErrorCode.Internal, "an unexpected error"),
    };

    private static Failure Final(Failure failure) => failure.Code == ErrorCode.RangeMoved
        ? Failure.NotApplied(ErrorCode.Unavailable, failure.Detail) with { RetryAfter = TimeSpan.FromSeconds(1) }
        : failure with { RetryAfter = failure.RetryAfter ?? TimeSpan.FromSeconds(1) };
}

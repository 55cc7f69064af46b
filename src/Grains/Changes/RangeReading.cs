using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Changes;

/// <summary>
/// Follows one range for a feed: asks its leader again and again for what comes after what it has, whoever leads. A call that waits for
/// news is given up when somebody wants to know up to where the range is complete. Holds back while the reader is slow.
/// </summary>
internal sealed class RangeReading(StreamGeneration owner, int index, RangeDescriptor range, RangeChanges template, RangeCalls calls, TimeProvider time)
{
    /// <summary>Time for an answer, and for another leader, beyond the wait for news.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private CancellationTokenSource? _parked;

    /// <summary>Asks once, and adds what it gets to the merger.</summary>
    /// <returns>Why there was no answer; null when there was.</returns>
    public async Task<Failure?> AskAsync(TimeSpan timeout, TimeSpan wait, CancellationToken cancellationToken)
    {
        var request = owner.Fill(template, index);
        KeyspaceMap? moved = null;
        var started = time.GetTimestamp();
        var answer = await calls.RunAsync(
            snapshot =>
            {
                if (snapshot.FindActive(range.Keyspace) is not { } map)
                    return new(RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{range.Keyspace}'")));
                if (snapshot.FindRange(range.Id) is { } known && HasSameBounds(known))
                    return calls.Leader(range.Id).ChangesAsync(request with { Generation = known.Generation, Wait = WaitOf(started, timeout, wait) }, cancellationToken);
                moved = map;
                return new(RangeChangesResult.Failed(Failure.NotApplied(ErrorCode.Internal, "the keyspace has other ranges now")));
            },
            result => result.Failure,
            RangeChangesResult.Failed,
            isWrite: false,
            waitsForLeader: true,
            timeout,
            cancellationToken);
        if (moved is not null)
        {
            owner.Replace(moved);
            return Failure.NotApplied(ErrorCode.Unavailable, $"the ranges of keyspace '{range.Keyspace}' have just changed");
        }

        if (answer.Failure is null)
            owner.Add(index, answer);
        return answer.Failure;
    }

    /// <summary>Follows the range until the feed is closed, or cannot go on.</summary>
    public async Task RunAsync(CancellationToken closing)
    {
        var pause = FirstPause;
        while (!closing.IsCancellationRequested)
        {
            try
            {
                await owner.WaitForRoomAsync(index, closing);
                if (await AskParkedAsync(closing) is not { } failure)
                {
                    pause = FirstPause;
                    continue;
                }

                if (IsFinal(failure))
                {
                    owner.End(failure);
                    return;
                }

                await Task.Delay(pause, time, closing);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
            catch (OperationCanceledException)
            {
                // Closed, or called back to ask for something else.
            }
            catch (Exception exception)
            {
                owner.End(Failure.NotApplied(ErrorCode.Internal, $"range {range.Id} cannot be followed: {exception.Message}"));
                return;
            }
        }
    }

    /// <summary>A call that waits comes back, to ask for what is wanted now. Under the owner's lock.</summary>
    public void CallBack() => _ = _parked?.CancelAsync();

    private async Task<Failure?> AskParkedAsync(CancellationToken closing)
    {
        using var parked = CancellationTokenSource.CreateLinkedTokenSource(closing);
        owner.Park(index, () => _parked = parked);
        try
        {
            return await AskAsync(ChangeLimits.MaxRangeWait + Patience, ChangeLimits.MaxRangeWait, parked.Token);
        }
        finally
        {
            owner.Unpark(() => _parked = null);
        }
    }

    /// <summary>A second attempt has less time: it must still be answered within the call's.</summary>
    private TimeSpan WaitOf(long started, TimeSpan timeout, TimeSpan wait)
    {
        var left = timeout - time.GetElapsedTime(started) - Patience;
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < wait ? left : wait;
    }

    /// <summary>What no other leader and no later attempt would mend.</summary>
    private static bool IsFinal(Failure failure) =>
        failure.Code is ErrorCode.CursorCompacted or ErrorCode.KeyspaceNotFound or ErrorCode.Corruption or ErrorCode.Internal;

    private bool HasSameBounds(RangeDescriptor known) =>
        known.Start.AsSpan().SequenceEqual(range.Start) && (known.End is null) == (range.End is null) && known.End.AsSpan().SequenceEqual(range.End);
}

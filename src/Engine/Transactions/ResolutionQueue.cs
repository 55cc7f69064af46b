using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Decisions on their way from this node to participants: one call per range at a time, with everything that is due for it, again and again until
/// the range confirms. That commits are settled is collected for a moment first, so that it costs an anchor one record for many. What is lost with the node, recovery and the anchors send again. Thread-safe;
/// what the queue does runs where <paramref name="schedule"/> puts it, never on the caller's.
/// </summary>
/// <param name="send">Asks a range to carry decisions out. Null: it has them durably, or the range is gone for good. Never fails otherwise than by its result.</param>
/// <param name="schedule">Runs work that the caller must not wait for.</param>
/// <param name="time">Source of durations.</param>
public sealed class ResolutionQueue(Func<RangeId, Resolution[], ValueTask<Failure?>> send, Action<Action> schedule, TimeProvider time) : IResolutions
{
    /// <summary>Most decisions of one call.</summary>
    private const int MaxPerCall = 256;

    /// <summary>Most settled commits of one call.</summary>
    private const int MaxSettledPerCall = ResolveCodec.MaxDecisions;

    /// <summary>Most decisions that wait; beyond it they are left to recovery and the anchors.</summary>
    private const int MaxWaiting = 100_000;

    /// <summary>How long settled commits are collected.</summary>
    private static readonly TimeSpan SettleDelay = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly Dictionary<Way, Dictionary<TransactionId, Waiting>> _ranges = [];
    private int _waiting;
    private bool _isStopped;

    /// <summary>Decisions that are not confirmed yet, counted once per participant.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants)
    {
        ArgumentNullException.ThrowIfNull(participants);
        var confirmed = await Task.WhenAll(participants.Select(range => EnqueueAsync(new Way(range, IsOfSettled: false), resolution)));
        return Array.TrueForAll(confirmed, one => one);
    }

    /// <inheritdoc/>
    public void Settle(TransactionId transaction, RangeId anchor) => _ = EnqueueAsync(new Way(anchor, IsOfSettled: true), new Resolution(transaction, Resolution.Settled));

    /// <summary>Gives everything up that is not confirmed: the node stops.</summary>
    public void Stop()
    {
        List<Waiting> given;
        lock (_gate)
        {
            _isStopped = true;
            given = [.. _ranges.Values.SelectMany(range => range.Values)];
            _ranges.Clear();
            _waiting = 0;
        }

        foreach (var waiting in given)
            waiting.Confirmed.TrySetResult(false);
    }

    private Task<bool> EnqueueAsync(Way way, Resolution resolution)
    {
        Waiting waiting;
        Dictionary<TransactionId, Waiting>? queue;
        bool isIdle;
        lock (_gate)
        {
            if (_isStopped)
                return Task.FromResult(false);
            if (_ranges.TryGetValue(way, out queue) && queue.TryGetValue(resolution.Transaction, out var known))
                return known.Confirmed.Task;
            if (_waiting == MaxWaiting)
                return Task.FromResult(false);
            _waiting++;
            isIdle = queue is null;
            if (queue is null)
                _ranges.Add(way, queue = []);
            queue.Add(resolution.Transaction, waiting = new Waiting(resolution, new TaskCompletionSource<bool>()));
        }

        if (isIdle)
            schedule(() => _ = DrainAsync(way, queue));
        return waiting.Confirmed.Task;
    }

    private async Task DrainAsync(Way way, Dictionary<TransactionId, Waiting> queue)
    {
        var pause = FirstPause;
        while (true)
        {
            if (way.IsOfSettled)
                await Task.Delay(SettleDelay, time);
            Waiting[] batch;
            lock (_gate)
            {
                if (_isStopped)
                    return;
                batch = [.. queue.Values.Take(way.IsOfSettled ? MaxSettledPerCall : MaxPerCall)];
                if (batch.Length == 0)
                {
                    _ranges.Remove(way);
                    return;
                }
            }

            if (await send(way.Range, [.. batch.Select(waiting => waiting.Resolution)]) is not null)
            {
                await Task.Delay(pause, time);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
                continue;
            }

            pause = FirstPause;
            lock (_gate)
            {
                if (_isStopped)
                    return;
                foreach (var waiting in batch)
                    queue.Remove(waiting.Resolution.Transaction);
                _waiting -= batch.Length;
            }

            foreach (var waiting in batch)
                waiting.Confirmed.TrySetResult(true);
        }
    }

    /// <summary>What goes to a range together.</summary>
    private readonly record struct Way(RangeId Range, bool IsOfSettled);

    private readonly record struct Waiting(Resolution Resolution, TaskCompletionSource<bool> Confirmed);
}

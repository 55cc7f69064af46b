namespace GrainDb.Faults.Recording;

/// <summary>
/// Measures how long this machine kept runnable work from running: a timer fires at a fixed pace, and what it is late by, beyond what is usual, is time that
/// nobody's processes had. Bounds on what the cluster must do within a time are judged without that time, so that a machine that is busy with something else
/// does not fail them, and a cluster that is slow by itself does.
/// </summary>
internal sealed class StallProbe : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    /// <summary>Timers of an idle machine are late by this much at most.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(5);

    private readonly Func<TimeSpan> _now;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<(TimeSpan From, TimeSpan To)> _stalls = [];
    private readonly Task _running;

    /// <param name="now">The clock by which windows are asked for.</param>
    public StallProbe(Func<TimeSpan> now)
    {
        _now = now;
        _running = Task.Run(RunAsync);
    }

    /// <summary>Time lost in a window.</summary>
    public TimeSpan Between(TimeSpan from, TimeSpan to)
    {
        lock (_lock)
            return TimeSpan.FromTicks(_stalls.Sum(stall => Math.Max(0, (Min(stall.To, to) - Max(stall.From, from)).Ticks)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var due = _now() + Pace;
            await Task.Delay(Pace, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var fired = _now();
            if (fired - due <= Usual)
                continue;
            lock (_lock)
                _stalls.Add((due, fired));
        }
    }
}

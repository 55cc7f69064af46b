using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Clocks;

/// <summary>
/// A node's clocks as a program on it sees them. The monotonic one runs a little too fast or too slow; the wall clock is wrong by an
/// offset that may jump. Timers follow the monotonic clock and are late.
/// </summary>
internal sealed class NodeClock(SimulatedProcess process, ClockFaults faults, Random random) : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan LatestTimer = TimeSpan.FromMilliseconds(2);

    private readonly long _started = process.World.Now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => (long)((process.World.Now - _started) * faults.Rate) + 1;

    public override DateTimeOffset GetUtcNow() => Beginning + process.World.Elapsed + faults.WallOffset;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimulatedTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimulatedTimer(NodeClock clock, TimerCallback callback, object? state) : ITimer
    {
        private int _settings;
        private bool _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (_disposed)
                return false;
            _settings++;
            if (dueTime != Timeout.InfiniteTimeSpan)
                Arm(dueTime, period, _settings);
            return true;
        }

        public void Dispose()
        {
            _disposed = true;
            _settings++;
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Arm(TimeSpan dueTime, TimeSpan period, int settings) =>
            clock.Schedule(dueTime, () =>
            {
                if (settings != _settings)
                    return;
                if (period > TimeSpan.Zero)
                    Arm(period, period, settings);
                callback(state);
            });
    }

    private void Schedule(TimeSpan dueTime, Action action) =>
        process.World.Schedule((dueTime / faults.Rate) + (LatestTimer * random.NextDouble()), process, action);
}

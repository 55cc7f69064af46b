using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Clients;

/// <summary>A client's clock is right.</summary>
internal sealed class NetworkClock(SimulatedProcess process) : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Once(process, callback, state, dueTime);

    private sealed class Once : ITimer
    {
        private bool _disposed;

        public Once(SimulatedProcess process, TimerCallback callback, object? state, TimeSpan dueTime) => process.World.Schedule(dueTime, process, () =>
        {
            if (!_disposed)
                callback(state);
        });

        public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

        public void Dispose() => _disposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

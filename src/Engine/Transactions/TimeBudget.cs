namespace GrainDb.Engine.Transactions;

/// <summary>The time of one request, from its arrival on.</summary>
internal readonly struct TimeBudget(TimeProvider time, TimeSpan timeout)
{
    private readonly long _started = time.GetTimestamp();

    /// <summary>What is left; never negative.</summary>
    public TimeSpan Left => timeout - time.GetElapsedTime(_started) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>Whether it is used up.</summary>
    public bool IsOver => Left == TimeSpan.Zero;

    /// <summary>Waits, though not longer than there is time.</summary>
    public Task PauseAsync(TimeSpan pause) => Task.Delay(pause < Left ? pause : Left, time);
}

namespace GrainDb.Engine.Ranges;

/// <summary>Requests per second over the last one to two windows of <see cref="Window"/>. The owner synchronizes.</summary>
internal sealed class RequestRate(TimeProvider time)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private long _windowStart = time.GetTimestamp();
    private long _current;
    private long _previous;

    /// <summary>Timestamp (of the time provider) of the last request.</summary>
    public long LastRequest { get; private set; } = time.GetTimestamp();

    public void Count()
    {
        _current++;
        LastRequest = time.GetTimestamp();
        if (time.GetElapsedTime(_windowStart, LastRequest) >= Window)
            Turn(LastRequest);
    }

    public double PerSecond()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_windowStart, now) >= Window)
            Turn(now);
        var elapsed = time.GetElapsedTime(_windowStart, now) + Window;
        return (_current + _previous) / elapsed.TotalSeconds;
    }

    private void Turn(long now)
    {
        var stale = time.GetElapsedTime(_windowStart, now) >= 2 * Window;
        _previous = stale ? 0 : _current;
        _current = 0;
        _windowStart = now;
    }
}

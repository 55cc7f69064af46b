using System.Diagnostics;

namespace GrainDb.LoadTool.Http;

/// <summary>
/// Ends requests that take too long. One timer over all connections instead of a cancellation per request, which would
/// cost more than the request itself; so a timeout is exact to <see cref="Period"/>.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly List<HttpClientSession> _sessions = [];
    private readonly Timer _timer;
    private readonly TimeSpan _timeout;

    /// <summary>Starts looking.</summary>
    public Watchdog(TimeSpan timeout)
    {
        _timeout = timeout;
        _timer = new(_ => Look(), null, Period, Period);
    }

    /// <summary>Takes a session under watch.</summary>
    public void Watch(HttpClientSession session)
    {
        lock (_lock)
            _sessions.Add(session);
    }

    /// <summary>Ends every request that is under way: the user does not want to wait.</summary>
    public void AbortAll() => AbortOlderThan(long.MaxValue);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look() => AbortOlderThan(Stopwatch.GetTimestamp() - (long)(_timeout.TotalSeconds * Stopwatch.Frequency));

    private void AbortOlderThan(long timestamp)
    {
        lock (_lock)
        {
            foreach (var session in _sessions)
                session.AbortIfOlderThan(timestamp);
        }
    }
}

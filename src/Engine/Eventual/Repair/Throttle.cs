namespace GrainDb.Engine.Eventual;

/// <summary>Keeps a stream of messages below a rate: whoever sent so much waits as long as that may take.</summary>
internal sealed class Throttle(int bytesPerSecond, TimeProvider time)
{
    /// <summary>Shorter waits are added up.</summary>
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(10);

    private TimeSpan _owed;

    public async Task PassAsync(long bytes, CancellationToken cancellationToken)
    {
        _owed += TimeSpan.FromSeconds((double)bytes / bytesPerSecond);
        if (_owed < ShortestWait)
            return;
        var wait = _owed;
        _owed = TimeSpan.Zero;
        await Task.Delay(wait, time, cancellationToken);
    }
}

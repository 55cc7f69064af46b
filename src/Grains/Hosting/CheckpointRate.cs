namespace GrainDb.Grains.Hosting;

/// <summary>
/// How fast a node writes checkpoints: slowly enough to leave the disk to its logs, fast enough that logs never grow faster than checkpoints let go of them. A checkpoint is
/// about as large as what was logged since the one before it, so a multiple of the rate of logging is enough, whatever the number of ranges.
/// </summary>
/// <param name="leastBytesPerSecond">While little is logged.</param>
/// <param name="time">Measures the rate of logging.</param>
internal sealed class CheckpointRate(long leastBytesPerSecond, TimeProvider time)
{
    /// <summary>Bytes of checkpoints for each byte logged.</summary>
    public const int Multiple = 4;

    private long _at = time.GetTimestamp();
    private long _logged;

    /// <summary>Bytes per second, from what was logged since the last call.</summary>
    /// <param name="logged">Bytes logged by all replicas that are open. Less than before where replicas were closed: then the bound counts until the next call.</param>
    public long Next(long logged)
    {
        var now = time.GetTimestamp();
        var (bytes, seconds) = (logged - _logged, time.GetElapsedTime(_at, now).TotalSeconds);
        (_at, _logged) = (now, logged);
        return seconds <= 0 ? leastBytesPerSecond : Math.Max(leastBytesPerSecond, (long)(Multiple * bytes / seconds));
    }
}

namespace GrainDb.Grains.Hosting;

/// <summary>
/// How fast a node writes checkpoints: slowly enough to leave the disk to its logs, and fast enough to keep up with them. A checkpoint is about as large as what was logged since the one before it, so a
/// multiple of the rate of logging is enough, whatever the number of ranges.
/// </summary>
/// <param name="leastBytesPerSecond">While little is logged.</param>
/// <param name="logged">All replicas in memory, each with the bytes that it has logged since it was opened.</param>
/// <param name="time">Measures the rate of logging.</param>
internal sealed class CheckpointRate(long leastBytesPerSecond, Func<IEnumerable<(object Replica, long Logged)>> logged, TimeProvider time)
{
    /// <summary>Bytes of checkpoints for each byte logged.</summary>
    public const int Multiple = 4;

    /// <summary>For how long a rate holds.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private Dictionary<object, long> _logged = logged().ToDictionary(entry => entry.Replica, entry => entry.Logged);
    private long _at = time.GetTimestamp();
    private long _measured;

    /// <summary>Bytes per second now. One caller at a time.</summary>
    public long BytesPerSecond
    {
        get
        {
            var passed = time.GetElapsedTime(_at);
            if (passed >= Interval)
                Measure(passed);
            return Math.Max(leastBytesPerSecond, _measured);
        }
    }

    /// <summary>What a replica logged between the last look and its closing is not seen.</summary>
    private void Measure(TimeSpan passed)
    {
        var now = logged().ToDictionary(entry => entry.Replica, entry => entry.Logged);
        var bytes = now.Sum(entry => entry.Value - _logged.GetValueOrDefault(entry.Key));
        (_logged, _at) = (now, time.GetTimestamp());
        _measured = (long)(Multiple * bytes / passed.TotalSeconds);
    }
}

namespace GrainDb.Engine.Replication;

/// <summary>
/// Lets a log rest between two batches while records keep coming. A batch costs the same messages, disk flushes and wake-ups on every replica, whatever it holds: where batches leave as soon as
/// they can, a steady stream of requests makes many small ones, which take the processors from the very requests that they serve. So the log rests a multiple of the time that the last batch took, within a
/// bound, and everything that comes meanwhile goes together.
/// <para>
/// It never rests for what will not come. Clients that wait for an answer send nothing more: as soon as as many records wait as were pending at once lately, they leave. A few clients never wait.
/// </para>
/// The idea is the commit delay of PostgreSQL (<c>commit_delay</c>, <c>commit_siblings</c>), following the disk and the load. Not thread-safe.
/// </summary>
/// <param name="longest">Bound of one rest; zero for none.</param>
/// <param name="time">Measures how long batches take.</param>
internal sealed class BatchRest(TimeSpan longest, TimeProvider time)
{
    /// <summary>How many times the last batch's time the log rests: it is at work a quarter of the time where more is to come.</summary>
    public const int Multiple = 3;

    /// <summary>Timers count whole milliseconds: a rest below one is none.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    /// <summary>Where fewer were pending at once there is little to save, and what they wait for is perhaps each other: the steps of a few transactions.</summary>
    public const int Fewest = 6;

    private const int Forgetting = 8; // the expectation falls by one of so many parts with every batch

    private long _leftAt;
    private long _arrivedAt;
    private TimeSpan _rest;

    /// <summary>How many records were pending at once lately.</summary>
    public int Expected { get; private set; }

    /// <summary>A batch leaves.</summary>
    public void Left() => _leftAt = time.GetTimestamp();

    /// <summary>It is committed.</summary>
    /// <param name="records">How many records it had.</param>
    /// <param name="waiting">How many wait by now.</param>
    public void Arrived(int records, int waiting)
    {
        _arrivedAt = time.GetTimestamp();
        var rest = Multiple * time.GetElapsedTime(_leftAt, _arrivedAt);
        _rest = rest < longest ? rest : longest;
        Expected = Math.Max(records + waiting, Expected - Math.Max(1, Expected / Forgetting));
    }

    /// <summary>For how long those who wait are to wait for more; zero when they are to leave.</summary>
    /// <param name="waiting">How many records wait.</param>
    public TimeSpan For(int waiting)
    {
        if (waiting >= Expected || Expected < Fewest || _rest < Shortest)
            return TimeSpan.Zero;
        var left = _rest - time.GetElapsedTime(_arrivedAt);
        return left < Shortest ? TimeSpan.Zero : left;
    }
}

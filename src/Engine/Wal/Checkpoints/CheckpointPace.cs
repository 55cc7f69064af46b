namespace GrainDb.Engine.Wal;

/// <summary>
/// Spreads the writing of one checkpoint over time. Logs share the disk with it, and requests the processors: written as fast as it goes, a checkpoint of some hundred megabytes
/// makes every commit beside it wait (PostgreSQL spreads its checkpoints for the same reason). What a stall delayed is not made up for in a burst.
/// </summary>
/// <param name="bytesPerSecond">At most, on average; above zero. Asked with every block.</param>
/// <param name="pause">Blocks for so long, or shorter; true when the checkpoint is to end.</param>
/// <param name="time">Measures what has passed.</param>
public sealed class CheckpointPace(Func<long> bytesPerSecond, Func<TimeSpan, bool> pause, TimeProvider time)
{
    /// <summary>A pause below it is put off to the next block.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);

    /// <summary>Of one pause, so that <see cref="Hurry"/> is soon noticed; several follow each other.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    private readonly long _began = time.GetTimestamp();
    private TimeSpan _due;
    private long _bytes;
    private volatile bool _hurries;

    /// <summary>Somebody waits for the end of it: no more pauses. Any thread.</summary>
    public void Hurry() => _hurries = true;

    /// <summary>So much of it is written. Blocks for as long as that is too early.</summary>
    /// <param name="bytes">In all so far.</param>
    public void Written(long bytes)
    {
        var passed = time.GetElapsedTime(_began);
        _due = (_due > passed ? _due : passed) + TimeSpan.FromSeconds((double)(bytes - _bytes) / bytesPerSecond());
        _bytes = bytes;
        for (var early = _due - passed; early >= ShortestPause && !_hurries; early = _due - time.GetElapsedTime(_began))
        {
            if (pause(early < LongestPause ? early : LongestPause))
                return;
        }
    }
}

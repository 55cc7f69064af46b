using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The oldest snapshot that a running transaction may still use, by what was read lately: garbage collection stays below it. A snapshot counts for at least
/// <see cref="Window"/> after it was last read, the longest that a transaction which read it can live, and at most twice that. The owner synchronizes.
/// </summary>
internal sealed class ReadProtection(TimeProvider time)
{
    public static readonly TimeSpan Window = TransactionMemory.LongestLife;

    private Timestamp? _current;
    private Timestamp? _previous;
    private long _since = time.GetTimestamp();

    /// <summary>Null when nothing needs protection.</summary>
    public Timestamp? Oldest
    {
        get
        {
            Turn();
            return _current is { } current && _previous is { } previous ? (current < previous ? current : previous) : _current ?? _previous;
        }
    }

    public void Note(Timestamp snapshot)
    {
        Turn();
        if (_current is not { } current || snapshot < current)
            _current = snapshot;
    }

    private void Turn()
    {
        var now = time.GetTimestamp();
        var passed = time.GetElapsedTime(_since, now);
        if (passed < Window)
            return;
        _previous = passed < 2 * Window ? _current : null;
        _current = null;
        _since = now;
    }
}

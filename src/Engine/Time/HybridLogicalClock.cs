using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Time;

/// <summary>
/// The node's clock: one 64-bit hybrid logical timestamp that only ever grows. <see cref="Now"/> follows physical
/// time and counts where physical time stands still or goes back; <see cref="TryReceive"/> lifts the clock to what a
/// peer has seen, so that whatever happened before is also smaller. A peer that is further ahead of physical time than
/// the largest tolerated offset is refused: one broken clock must not drag the others along. The guard is in force
/// from construction, so there is no moment in which a bad timestamp could slip in.
/// <para>After a crash the clock knows nothing; <see cref="Restore"/> puts it above everything that the log holds
/// before the first <see cref="Now"/>, even where that is ahead of the wall clock.</para>
/// <para>Thread-safe and lock-free: the state is one word, replaced by compare-and-swap.</para>
/// <para>Source: Kulkarni et al., "Logical Physical Clocks" (2014); the receive rule without increment and the
/// offset guard are CockroachDB's (<c>pkg/util/hlc</c>).</para>
/// </summary>
public sealed class HybridLogicalClock
{
    /// <summary>Default bound on how far a peer may be ahead of local physical time: 250 ms.</summary>
    public static readonly TimeSpan DefaultMaxOffset = TimeSpan.FromMilliseconds(250);

    private readonly TimeProvider _time;
    private readonly long _maxOffsetMilliseconds;

    /// <summary>The newest timestamp given out, received or restored. Never decreases.</summary>
    private ulong _last;

    private long _refused;

    /// <summary>Creates a clock at <see cref="Timestamp.Zero"/>, its guard armed.</summary>
    /// <param name="time">Physical time.</param>
    /// <param name="maxOffset">How far a received timestamp may be ahead of physical time; counted in whole milliseconds.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxOffset"/> is negative.</exception>
    public HybridLogicalClock(TimeProvider time, TimeSpan maxOffset)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxOffset, TimeSpan.Zero);
        _time = time;
        MaxOffset = maxOffset;
        _maxOffsetMilliseconds = (long)maxOffset.TotalMilliseconds;
    }

    /// <summary>How far a received timestamp may be ahead of physical time.</summary>
    public TimeSpan MaxOffset { get; }

    /// <summary>The newest timestamp that this clock knows, without moving it. <see cref="Timestamp.Zero"/> at first.</summary>
    public Timestamp Last => new(Volatile.Read(ref _last));

    /// <summary>How many received timestamps were refused since construction.</summary>
    public long RefusedCount => Volatile.Read(ref _refused);

    /// <summary>
    /// A timestamp above every one that this clock has given out, received or restored. When the 65536 counts of a
    /// millisecond are used up it carries into the next one.
    /// </summary>
    /// <exception cref="OverflowException">The 64 bits are used up.</exception>
    public Timestamp Now()
    {
        var physical = Physical();
        var last = Volatile.Read(ref _last);
        while (true)
        {
            var next = physical.Value > last ? physical : new Timestamp(last).Next;
            var seen = Interlocked.CompareExchange(ref _last, next.Value, last);
            if (seen == last)
                return next;
            last = seen;
        }
    }

    /// <summary>
    /// Lifts the clock to <paramref name="remote"/>, so that every later <see cref="Now"/> is above it. Refused, counted and
    /// without effect if <paramref name="remote"/> is above this clock and more than <see cref="MaxOffset"/> ahead of physical time.
    /// The caller must then not act on the message that carried it.
    /// </summary>
    /// <returns>Whether the timestamp was accepted.</returns>
    public bool TryReceive(Timestamp remote)
    {
        // What this clock gave out itself is no news, also when the wall clock was set back below it.
        if (remote.Value <= Volatile.Read(ref _last))
            return true;
        if (remote.Milliseconds - Physical().Milliseconds > _maxOffsetMilliseconds)
        {
            Interlocked.Increment(ref _refused);
            return false;
        }

        LiftTo(remote.Value);
        return true;
    }

    /// <summary>
    /// Lifts the clock to the highest timestamp found in the log at start. The guard does not apply: these are the node's
    /// own promises, and a wall clock that was set back since does not undo them.
    /// </summary>
    /// <param name="highest">At or above every timestamp in the log.</param>
    public void Restore(Timestamp highest) => LiftTo(highest.Value);

    private void LiftTo(ulong value)
    {
        var last = Volatile.Read(ref _last);
        while (last < value)
        {
            var seen = Interlocked.CompareExchange(ref _last, value, last);
            if (seen == last)
                return;
            last = seen;
        }
    }

    /// <summary>Physical time as a timestamp; times outside the 48 bits count as their nearest end.</summary>
    private Timestamp Physical() =>
        Timestamp.FromParts(Math.Clamp(_time.GetUtcNow().ToUnixTimeMilliseconds(), 0, Timestamp.MaxMilliseconds), 0);
}

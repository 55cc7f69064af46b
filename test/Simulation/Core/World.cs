using System.Globalization;

namespace GrainDb.Simulation.Core;

/// <summary>
/// A whole cluster in one thread: every step of every machine is an event in one queue, in virtual time. The order of events, and with
/// it everything that happens, follows from the seed alone.
/// <para>An event belongs to a process, or to the world itself. Events of a process that is dead never happen, those of one that is
/// paused wait until it goes on.</para>
/// </summary>
internal sealed class World
{
    private readonly PriorityQueue<ScheduledEvent, (long Time, long Order)> _queue = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly int _seed;
    private long _order;

    public World(int seed, Trace trace)
    {
        _seed = seed;
        Trace = trace;
    }

    /// <summary>Ticks of 100 ns since the beginning.</summary>
    public long Now { get; private set; }

    public TimeSpan Elapsed => new(Now);

    public Trace Trace { get; }

    /// <summary>Events so far.</summary>
    public long Events { get; private set; }

    /// <summary>Broken promises found so far.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>Called after every event.</summary>
    public Action<SimulatedProcess?>? AfterEvent { get; set; }

    /// <summary>A stream of choices of its own, so that one part drawing more does not change what another draws.</summary>
    public Random NewRandom(string purpose)
    {
        var hash = 17u;
        foreach (var letter in purpose)
            hash = (hash * 31) + letter;
        return new Random(unchecked((int)((uint)_seed * 2_654_435_761u) ^ (int)hash));
    }

    public void Schedule(TimeSpan delay, SimulatedProcess? owner, Action action)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            throw new InvalidOperationException("something left the simulation's thread");
        _queue.Enqueue(new(owner, action), (Now + Math.Max(0, delay.Ticks), _order++));
    }

    /// <summary>Runs events until the condition holds.</summary>
    /// <returns>False when the time was up, or nothing was left to do, first.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan atMost)
    {
        var end = Now + atMost.Ticks;
        while (Failures.Count == 0 && !condition())
        {
            if (!_queue.TryPeek(out _, out var next) || next.Time > end)
            {
                Now = Math.Max(Now, end);
                return condition();
            }

            Step();
        }

        return Failures.Count == 0;
    }

    /// <summary>Notes a broken promise; the run ends after this event.</summary>
    public void Fail(string what)
    {
        Failures.Add(string.Create(CultureInfo.InvariantCulture, $"at {Elapsed.TotalSeconds:F6}: {what}"));
        Trace.Write(this, null, $"VIOLATION {what}");
    }

    private void Step()
    {
        _queue.TryDequeue(out var next, out var place);
        Now = Math.Max(Now, place.Time);
        if (next.Owner is not { } owner)
        {
            Events++;
            next.Action();
            AfterEvent?.Invoke(null);
            return;
        }

        if (!owner.IsAlive)
            return;
        if (owner.PausedUntil > Now)
        {
            // Same order among those that wait: a stopped process finds them as they came.
            _queue.Enqueue(next, (owner.PausedUntil, place.Order));
            return;
        }

        Events++;
        owner.Run(next.Action);
        AfterEvent?.Invoke(owner);
    }

    private readonly record struct ScheduledEvent(SimulatedProcess? Owner, Action Action);
}

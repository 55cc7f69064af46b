using GrainDb.Engine.Tests.Wal.Disk;

namespace GrainDb.Simulation.Core;

/// <summary>
/// One run of one program, from its start to its death: the context to which everything it awaits comes back. When it is dead its
/// continuations never run, which is all that a crash is.
/// </summary>
internal sealed class SimulatedProcess(World world, string name, Random random) : SynchronizationContext
{
    /// <summary>Longest time that something ready to run waits for a thread.</summary>
    private static readonly TimeSpan LongestDispatch = TimeSpan.FromMicroseconds(200);

    public World World => world;

    public string Name => name;

    private bool _isDead;

    public bool IsAlive => !_isDead && !HasStopped();

    /// <summary>Whether the machine under it stopped in the middle of what it does.</summary>
    public Func<bool> HasStopped { get; init; } = () => false;

    /// <summary>World time until which nothing of it runs (SIGSTOP, a long collection, a frozen machine).</summary>
    public long PausedUntil { get; private set; }

    /// <summary>Called once, when it dies.</summary>
    public Action? Died { get; set; }

    /// <summary>Most things run in the order in which they became ready; threads see to it that not all do.</summary>
    public override void Post(SendOrPostCallback d, object? state) =>
        world.Schedule(random.Next(4) == 0 ? LongestDispatch * random.NextDouble() : TimeSpan.Zero, this, () => d(state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("blocks");

    public override SynchronizationContext CreateCopy() => this;

    public void Pause(TimeSpan duration) => PausedUntil = Math.Max(PausedUntil, world.Now + duration.Ticks);

    public void Resume() => PausedUntil = 0;

    public void Die()
    {
        if (_isDead)
            return;
        _isDead = true;
        Died?.Invoke();
    }

    /// <summary>Runs something as this process. What escapes from it ends the process; unless it is a simulated crash, that is a bug.</summary>
    public void Run(Action action)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
        }
        catch (SimulatedCrashException)
        {
            Die();
        }
        catch (Exception) when (!IsAlive)
        {
            // The last words of a program that is being killed.
        }
        catch (Exception exception)
        {
            world.Fail($"{name} died of {exception}");
            Die();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Starts an endless activity. Its failure is the process's.</summary>
    public void Start(Func<Task> activity) => Run(() => Watch(activity()));

    private async void Watch(Task task) => await task;
}

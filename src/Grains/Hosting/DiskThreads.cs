namespace GrainDb.Grains.Hosting;

/// <summary>
/// Ranges flush on threads of the pool, which wait for the disk there. So the pool may have at once, beside one thread for each processor, as many as wait: those
/// that stand in a slow disk are replaced before the pool would notice, and there are no more than that. A constant minimum with room for the worst case
/// makes many threads runnable where none waits, and they take the processors from each other in the middle of requests (measured on two cores: 32
/// instead of 2 threads cost a third more processor time a read and tripled the 99th percentile).
/// </summary>
internal sealed class DiskThreads : IDisposable
{
    /// <summary>Waiting threads beyond it get no replacement at once.</summary>
    public const int MostReplaced = 32;

    /// <summary>How long the pool keeps room for as many as waited at once.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(5);

    private readonly int _processors;
    private readonly Action<int> _setMinimum;
    private readonly ITimer _forgetting;
    private readonly Lock _gate = new();
    private int _waiting;
    private int _room;
    private int _peak;

    /// <param name="processors">Threads that are there in any case.</param>
    /// <param name="setMinimum">Sets how many threads the pool creates without hesitating.</param>
    /// <param name="time">For forgetting.</param>
    public DiskThreads(int processors, Action<int> setMinimum, TimeProvider time)
    {
        _processors = processors;
        _setMinimum = setMinimum;
        _setMinimum(_processors);
        _forgetting = time.CreateTimer(static threads => ((DiskThreads)threads!).Forget(), this, Memory, Memory);
    }

    /// <summary>Of the process's one thread pool, whatever number of nodes runs in it.</summary>
    public static DiskThreads OfProcess { get; } = new(Environment.ProcessorCount, SetPoolMinimum, TimeProvider.System);

    /// <summary>The calling thread is about to wait for the disk; to be followed by <see cref="Leave"/>.</summary>
    public void Enter()
    {
        var waiting = Math.Min(Interlocked.Increment(ref _waiting), MostReplaced);
        if (waiting > Volatile.Read(ref _peak))
            Raise(waiting);
    }

    public void Leave() => Interlocked.Decrement(ref _waiting);

    public void Dispose() => _forgetting.Dispose();

    private void Raise(int waiting)
    {
        lock (_gate)
        {
            _peak = Math.Max(_peak, waiting);
            if (_room >= _peak)
                return;
            _room = _peak;
            _setMinimum(_processors + _room);
        }
    }

    private void Forget()
    {
        lock (_gate)
        {
            if (_room != _peak)
                _setMinimum(_processors + (_room = _peak));
            _peak = Math.Clamp(Volatile.Read(ref _waiting), 0, MostReplaced);
        }
    }

    private static void SetPoolMinimum(int workers)
    {
        ThreadPool.GetMinThreads(out _, out var completionPorts);
        ThreadPool.SetMinThreads(workers, completionPorts);
    }
}

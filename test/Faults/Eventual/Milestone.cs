namespace GrainDb.Faults.Eventual;

/// <summary>Reached when each of some clients has done something so often, counted from here; or when one of them has ended, and no more can come.</summary>
internal sealed class Milestone
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int[] _left; // each entry is its client's alone
    private int _missing;

    /// <param name="clients">How many clients.</param>
    /// <param name="times">How often each.</param>
    public Milestone(int clients, int times)
    {
        _left = [.. Enumerable.Repeat(times, clients)];
        _missing = clients;
    }

    public Task Reached => _reached.Task;

    /// <summary>Clients that are not there yet.</summary>
    public int Missing => Volatile.Read(ref _missing);

    /// <summary>A client did it once.</summary>
    public void Count(int client)
    {
        if (_left[client] > 0 && --_left[client] == 0 && Interlocked.Decrement(ref _missing) == 0)
            _reached.TrySetResult();
    }

    /// <summary>A client does it no more.</summary>
    public void End() => _reached.TrySetResult();
}

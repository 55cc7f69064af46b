using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Who waits for a change in one range. Nobody is woken for keys of others, and nobody misses anything: what is resolved while one waits is
/// compared with its keys once. Under the replica's gate, except for <see cref="Watcher"/>'s task.
/// </summary>
internal sealed class ChangeWatchers
{
    /// <summary>Most who wait at once: each commit is compared with all of them.</summary>
    public const int MaxWatchers = 1024;

    private readonly HashSet<Watcher> _watchers = [];

    /// <summary>One who waits. Its task completes when it should look again, and says whether it may wait once more.</summary>
    internal sealed class Watcher(ChangeInterval interval, Timestamp seen, Timestamp atLeast, long until) : TaskCompletionSource<bool>
    {
        public ChangeInterval Interval { get; } = interval;

        /// <summary>Everything of the interval up to it is known.</summary>
        public Timestamp Seen { get; set; } = seen;

        /// <summary>Also a resolved timestamp from here on is news.</summary>
        public Timestamp AtLeast { get; } = atLeast;

        /// <summary>By the monotonic clock.</summary>
        public long Until { get; } = until;
    }

    public int Count => _watchers.Count;

    public bool TryAdd(Watcher watcher) => _watchers.Count < MaxWatchers && _watchers.Add(watcher);

    public void Remove(Watcher watcher) => _watchers.Remove(watcher);

    /// <summary>Takes out those for whom there is news.</summary>
    /// <param name="store">The range's versions.</param>
    /// <param name="resolved">Up to where they are complete.</param>
    public List<Watcher>? TakeConcerned(MvccStore store, Timestamp resolved)
    {
        List<Watcher>? concerned = null;
        foreach (var watcher in _watchers)
        {
            if (watcher.AtLeast <= resolved || IsConcerned(store, watcher, resolved))
                (concerned ??= []).Add(watcher);
            else
                watcher.Seen = Timestamp.Later(watcher.Seen, resolved);
        }

        return Take(concerned);
    }

    /// <summary>Takes out those whose patience is over.</summary>
    public List<Watcher>? TakeOverdue(long now)
    {
        List<Watcher>? overdue = null;
        foreach (var watcher in _watchers)
        {
            if (watcher.Until <= now)
                (overdue ??= []).Add(watcher);
        }

        return Take(overdue);
    }

    /// <summary>Takes all out.</summary>
    public List<Watcher>? TakeAll() => _watchers.Count == 0 ? null : Take([.. _watchers]);

    // What is below the threshold is not there to be compared any more; the one who waits is told that when it looks.
    private static bool IsConcerned(MvccStore store, Watcher watcher, Timestamp resolved) =>
        resolved > watcher.Seen && (!store.CanReadAt(watcher.Seen) || watcher.Interval.MayHave(store, watcher.Seen, resolved));

    private List<Watcher>? Take(List<Watcher>? some)
    {
        foreach (var watcher in some ?? [])
            _watchers.Remove(watcher);
        return some;
    }
}

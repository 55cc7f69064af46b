using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The changes of one answer while they are collected, in any order of timestamps: the oldest that fit. When a bound is passed the newest
/// timestamp goes, whole, and the upper bound moves below it, so what is left is always everything in the interval of time. A single
/// timestamp stays, however large.
/// </summary>
public sealed class ChangeSelection
{
    private readonly Dictionary<ulong, Group> _groups = [];
    private readonly PriorityQueue<Group, ulong> _newestFirst = new();
    private readonly KeyFilter? _filter;
    private readonly int _maxChanges;
    private readonly long _maxBytes;
    private long _bytes;

    /// <summary>An empty selection of an interval of time.</summary>
    /// <param name="after">Exclusive lower bound.</param>
    /// <param name="upTo">Inclusive upper bound; nothing at or below it may be missing in what is offered.</param>
    /// <param name="maxChanges">At least 1.</param>
    /// <param name="maxBytes">Of keys and values; at least 1.</param>
    /// <param name="filter">Which keys count; null for all.</param>
    public ChangeSelection(Timestamp after, Timestamp upTo, int maxChanges, long maxBytes, KeyFilter? filter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxChanges, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        After = after;
        UpTo = upTo;
        _maxChanges = maxChanges;
        _maxBytes = maxBytes;
        _filter = filter;
    }

    /// <summary>Whether a routing key counts.</summary>
    public delegate bool KeyFilter(ReadOnlySpan<byte> routingKey);

    /// <summary>Exclusive lower bound.</summary>
    public Timestamp After { get; }

    /// <summary>Inclusive upper bound; only falls.</summary>
    public Timestamp UpTo { get; private set; }

    /// <summary>Changes in it.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a version at this timestamp belongs in.</summary>
    public bool Contains(ulong timestamp) => timestamp > After.Value && timestamp <= UpTo.Value;

    /// <summary>Whether a version of this key belongs in.</summary>
    public bool Counts(ReadOnlySpan<byte> routingKey) => _filter?.Invoke(routingKey) ?? true;

    /// <summary>Adds a change that <see cref="Contains"/> and <see cref="Counts"/>; those of one timestamp come in the order of their keys.</summary>
    public void Add(in MvccChange change)
    {
        var timestamp = change.Version.Timestamp.Value;
        if (!_groups.TryGetValue(timestamp, out var group))
        {
            _groups[timestamp] = group = new Group(timestamp);
            _newestFirst.Enqueue(group, ulong.MaxValue - timestamp);
        }

        group.Changes.Add(change);
        group.Bytes += change.Bytes;
        Count++;
        _bytes += change.Bytes;
        while ((Count > _maxChanges || _bytes > _maxBytes) && _groups.Count > 1)
            RemoveNewest();
    }

    /// <summary>The changes by timestamp, then by key.</summary>
    public List<MvccChange> ToList()
    {
        var changes = new List<MvccChange>(Count);
        foreach (var group in _groups.Values.OrderBy(group => group.Timestamp))
            changes.AddRange(group.Changes);
        return changes;
    }

    private void RemoveNewest()
    {
        var newest = _newestFirst.Dequeue();
        _groups.Remove(newest.Timestamp);
        Count -= newest.Changes.Count;
        _bytes -= newest.Bytes;
        UpTo = new Timestamp(newest.Timestamp).Previous;
    }

    private sealed class Group(ulong timestamp)
    {
        public ulong Timestamp { get; } = timestamp;

        public List<MvccChange> Changes { get; } = [];

        public long Bytes { get; set; }
    }
}

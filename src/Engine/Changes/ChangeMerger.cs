using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Changes;

/// <summary>
/// Puts the changes of several sources, ranges of one keyspace, into the one order of a feed: by version, then by routing key. A change is given
/// out when every source is resolved up to its version; so the writes of one transaction come together, whatever ranges they are in,
/// and each change has the same position whenever and wherever it is read. The owner synchronizes.
/// </summary>
public sealed class ChangeMerger
{
    private readonly Source[] _sources;
    private readonly Queue<(FeedPosition Position, int Source, RangeChange Change)> _ready = new();
    private readonly FeedPosition _from;

    /// <summary>A feed behind a position.</summary>
    /// <param name="from">Where it goes on.</param>
    /// <param name="sources">How many sources there are.</param>
    public ChangeMerger(FeedPosition from, int sources)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sources, 1);
        _from = from;
        _sources = [.. Enumerable.Range(0, sources).Select(_ => new Source(from.CompleteUpTo))];
        Position = from;
    }

    /// <summary>Behind what was given out last.</summary>
    public FeedPosition Position { get; private set; }

    /// <summary>Every source is resolved up to it.</summary>
    public Timestamp Resolved => _sources.Min(source => source.Frontier);

    /// <summary>The highest version that waits for sources to be resolved up to it; zero when none does.</summary>
    public Timestamp Wanted => _sources.Max(source => source.Highest);

    /// <summary>Bytes of keys and values that were added and not given out.</summary>
    public long WaitingBytes { get; private set; }

    /// <summary>Up to where a source was read: what it is asked for next begins there.</summary>
    public Timestamp FrontierOf(int source) => _sources[source].Frontier;

    /// <summary>Whether changes of a source wait to be given out.</summary>
    public bool HasWaiting(int source) => _sources[source].Count > 0;

    /// <summary>Adds what a source answered to a request that began at its frontier, or below it.</summary>
    public void Add(int source, RangeChangesResult answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var to = _sources[source];
        foreach (var change in answer.Changes)
        {
            if (change.Version <= to.Frontier)
                continue; // a second answer to the same question
            to.Changes.Enqueue(change);
            to.Count++;
            to.Highest = Timestamp.Later(to.Highest, change.Version);
            WaitingBytes += change.Bytes;
        }

        to.Frontier = Timestamp.Later(to.Frontier, answer.Resolved);
    }

    /// <summary>Takes the next changes that are complete.</summary>
    /// <param name="maxChanges">At least 1.</param>
    /// <param name="maxBytes">Of keys and values; the change that reaches it is the last.</param>
    /// <returns>Changes with the position behind each; empty when everything that is complete was given out, and then <see cref="Position"/> is as far.</returns>
    public List<(FeedPosition Position, RangeChange Change)> Take(int maxChanges, long maxBytes)
    {
        var taken = new List<(FeedPosition, RangeChange)>();
        if (_ready.Count == 0)
            Merge();
        while (taken.Count < maxChanges && maxBytes > 0 && _ready.TryDequeue(out var next))
        {
            var source = _sources[next.Source];
            source.Count--;
            if (source.Count == 0)
                source.Highest = Timestamp.Zero;
            WaitingBytes -= next.Change.Bytes;
            maxBytes -= next.Change.Bytes;
            Position = next.Position;
            taken.Add((next.Position, next.Change));
        }

        if (_ready.Count == 0 && taken.Count == 0 && Resolved > Position.CompleteUpTo && Resolved >= _from.Timestamp)
            Position = new(Resolved, Delivered: 0, _from.Incarnation);
        return taken;
    }

    /// <summary>Moves what is resolved by all sources to where it is given out from.</summary>
    private void Merge()
    {
        var resolved = Resolved;
        var complete = new List<(int Source, RangeChange Change)>();
        for (var index = 0; index < _sources.Length; index++)
        {
            while (_sources[index].Changes.TryPeek(out var change) && change.Version <= resolved)
                complete.Add((index, _sources[index].Changes.Dequeue()));
        }

        complete.Sort(static (left, right) => left.Change.Version != right.Change.Version
            ? left.Change.Version.CompareTo(right.Change.Version)
            : left.Change.Key.Span.SequenceCompareTo(right.Change.Key.Span));
        for (int first = 0, behind; first < complete.Count; first = behind)
        {
            var version = complete[first].Change.Version;
            behind = first + 1;
            while (behind < complete.Count && complete[behind].Change.Version == version)
                behind++;
            MergeOne(version, complete.GetRange(first, behind - first));
        }
    }

    /// <summary>All changes of one version. Of the first one a part may have been delivered before.</summary>
    private void MergeOne(Timestamp version, List<(int Source, RangeChange Change)> changes)
    {
        for (var index = 0; index < changes.Count; index++)
        {
            var (source, change) = changes[index];
            if (version == _from.Timestamp && index < _from.Delivered)
            {
                _sources[source].Count--;
                WaitingBytes -= change.Bytes;
                continue;
            }

            var isLast = index + 1 == changes.Count;
            _ready.Enqueue((new FeedPosition(version, isLast ? 0 : index + 1, _from.Incarnation), source, change));
        }
    }

    private sealed class Source(Timestamp frontier)
    {
        /// <summary>Read up to here.</summary>
        public Timestamp Frontier { get; set; } = frontier;

        /// <summary>Read, and above what all are resolved up to.</summary>
        public Queue<RangeChange> Changes { get; } = new();

        /// <summary>Read, and not given out.</summary>
        public int Count { get; set; }

        /// <summary>The highest version among them; zero when there are none.</summary>
        public Timestamp Highest { get; set; }
    }
}

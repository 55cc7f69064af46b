using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;
using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation.Changes;

/// <summary>Compares what a feed gave with what is there: every committed version up to its position once, and nothing else.</summary>
internal sealed class FeedJudge(SimulatedCluster cluster, Func<SimulatedRange, RangeReplica> replicas)
{
    public IEnumerable<string> Judge(FeedReader reader)
    {
        var given = new Dictionary<(string Key, Timestamp Version), RangeChange>();
        foreach (var change in reader.Given)
        {
            if (!given.TryAdd((Encoding.UTF8.GetString(change.Key.Span), change.Version), change))
                yield return $"feed: {Encoding.UTF8.GetString(change.Key.Span)} at {change.Version} has two positions";
        }

        foreach (var range in cluster.Ranges)
        {
            foreach (var key in range.Keys)
            {
                foreach (var violation in Compare(key, Chain(range, key), reader.CompleteUpTo, given))
                    yield return violation;
            }
        }

        foreach (var (key, version) in given.Keys)
            yield return $"feed: {key} at {version} was given, and never committed";
    }

    /// <summary>Takes what is right out of what was given.</summary>
    private static IEnumerable<string> Compare(string key, IEnumerable<MvccVersion> chain, Timestamp completeUpTo, Dictionary<(string Key, Timestamp Version), RangeChange> given)
    {
        var live = Timestamp.Zero;
        foreach (var version in chain)
        {
            if (!given.Remove((key, version.Timestamp), out var change))
            {
                if (version.Timestamp <= completeUpTo)
                    yield return $"feed: {key} at {version.Timestamp} was never given, and everything up to {completeUpTo} was";
            }
            else if (change.Deleted != version.IsTombstone || change.Previous != live || !change.Value.Span.SequenceEqual(version.IsTombstone ? default : StoredValue.Read(version.Value).Value.Span))
            {
                yield return $"feed: {key} at {version.Timestamp} was given as {change}, which is not what was written";
            }

            live = version.IsTombstone ? Timestamp.Zero : version.Timestamp;
        }
    }

    private IEnumerable<MvccVersion> Chain(SimulatedRange range, string key)
    {
        var versions = new List<MvccVersion>();
        replicas(range).Store.History(Encoding.UTF8.GetBytes(key), int.MaxValue, versions);
        return versions.OrderBy(version => version.Timestamp);
    }
}

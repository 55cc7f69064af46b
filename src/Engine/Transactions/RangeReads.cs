using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>The part of a read set that lies in one range.</summary>
internal sealed class RangeReads
{
    public List<ReadOnlyMemory<byte>> Keys { get; } = [];

    public List<RoutingInterval> Intervals { get; } = [];

    /// <summary>Sorts the reads of a keyspace by range; intervals are cut at the borders.</summary>
    /// <param name="reads">What was read.</param>
    /// <param name="routes">Where it lies now.</param>
    /// <param name="all">All of it, or only what the commit depends on under any isolation.</param>
    public static Dictionary<RangeId, RangeReads> Split(ReadSet.KeyspaceReads reads, IKeyspaceRoutes routes, bool all)
    {
        var parts = new Dictionary<RangeId, RangeReads>();
        foreach (var (key, mustHold) in reads.Keys)
        {
            if (all || mustHold)
                Of(routes.Find(key.Span).Id).Keys.Add(key);
        }

        foreach (var interval in all ? reads.Intervals : [])
        {
            foreach (var range in routes.Ranges)
            {
                if (Cut(interval, range) is { } part)
                    Of(range.Id).Intervals.Add(part);
            }
        }

        return parts;

        RangeReads Of(RangeId range)
        {
            if (!parts.TryGetValue(range, out var part))
                parts.Add(range, part = new RangeReads());
            return part;
        }
    }

    /// <summary>What of the interval lies in the range; null when nothing does.</summary>
    private static RoutingInterval? Cut(RoutingInterval interval, RangeDescriptor range)
    {
        var start = interval.Start.AsSpan().SequenceCompareTo(range.Start) > 0 ? interval.Start : range.Start;
        var end = interval.End is null || (range.End is not null && range.End.AsSpan().SequenceCompareTo(interval.End) < 0) ? range.End : interval.End;
        return end is null || start.AsSpan().SequenceCompareTo(end) < 0 ? new RoutingInterval(start, end) : null;
    }
}

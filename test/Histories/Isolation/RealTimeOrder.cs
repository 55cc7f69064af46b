namespace GrainDb.Histories.Isolation;

/// <summary>
/// "Had ended before the other began", as few dependencies as say it all: each transaction depends on those that ended last before it, of which
/// none depends on another; the rest follows.
/// </summary>
internal static class RealTimeOrder
{
    public static void Add(DependencyGraph graph)
    {
        var transactions = graph.Transactions;
        var begins = Enumerable.Range(0, transactions.Count).Where(i => !transactions[i].IsStaleRead).OrderBy(i => transactions[i].Invoked).ToArray();
        var ends = Enumerable.Range(0, transactions.Count).Where(i => transactions[i].Returned != long.MaxValue).OrderBy(i => transactions[i].Returned).ToArray();
        var frontier = new List<int>();
        var ended = 0;
        foreach (var begin in begins)
        {
            for (; ended < ends.Length && transactions[ends[ended]].Returned < transactions[begin].Invoked; ended++)
            {
                // What had ended before this one began is before it anyway. A stale read is before nothing that ended before it: it may be older than it began.
                var last = transactions[ends[ended]];
                if (!last.IsStaleRead)
                    frontier.RemoveAll(earlier => transactions[earlier].Returned < last.Invoked);
                frontier.Add(ends[ended]);
            }

            foreach (var before in frontier)
                graph.Add(new(before, begin, DependencyKind.RealTime, null));
        }
    }
}

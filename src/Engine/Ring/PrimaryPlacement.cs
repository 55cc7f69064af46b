namespace GrainDb.Engine.Ring;

/// <summary>
/// Chooses each range's primary such that every node leads exactly its quota. A range keeps its primary while that node
/// is within quota; of a node above it, the ranges go whose ring walk reaches it last. The free ranges are given
/// out rank by rank of their ring walks to nodes below quota, first among those that hold the range already, since that moves no data.
/// </summary>
internal static class PrimaryPlacement
{
    /// <summary>Chooses.</summary>
    /// <returns>Node index per range.</returns>
    public static int[] Choose(RangePreferences ranges)
    {
        var primaries = new int[ranges.RangeCount];
        var leads = new int[ranges.Nodes.Count];
        var wished = new int[ranges.Nodes.Count];
        for (var range = 0; range < primaries.Length; range++)
        {
            primaries[range] = ranges.Leader(range);
            if (primaries[range] >= 0)
                leads[primaries[range]]++;
            wished[ranges.NodeAt(range, 0)]++;
        }

        var quotas = WeightQuotas.Divide(ranges.Nodes, primaries.Length, leads, wished);
        Release(ranges, primaries, leads, quotas);
        GiveOut(ranges, primaries, leads, quotas, holdersOnly: true);
        GiveOut(ranges, primaries, leads, quotas, holdersOnly: false);
        return primaries;
    }

    private static void Release(RangePreferences ranges, int[] primaries, int[] leads, int[] quotas)
    {
        var worstFirst = Enumerable.Range(0, primaries.Length)
            .Where(range => primaries[range] >= 0 && leads[primaries[range]] > quotas[primaries[range]])
            .OrderByDescending(range => ranges.Rank(range, primaries[range]))
            .ThenBy(range => range)
            .ToArray();
        foreach (var range in worstFirst)
        {
            var node = primaries[range];
            if (leads[node] <= quotas[node])
                continue;
            leads[node]--;
            primaries[range] = -1;
        }
    }

    /// <summary>By rank before by range: a range's first wish is not lost to another one's third.</summary>
    private static void GiveOut(RangePreferences ranges, int[] primaries, int[] leads, int[] quotas, bool holdersOnly)
    {
        var open = Enumerable.Range(0, primaries.Length).Where(range => primaries[range] < 0).ToArray();
        for (var rank = 0; rank < ranges.Nodes.Count; rank++)
        {
            foreach (var range in open)
            {
                var node = ranges.NodeAt(range, rank);
                if (primaries[range] >= 0 || leads[node] >= quotas[node] || (holdersOnly && !ranges.Holds(range, node)))
                    continue;
                primaries[range] = node;
                leads[node]++;
            }
        }
    }
}

using GrainDb.Interfaces.Ring;

namespace GrainDb.Engine.Ring;

/// <summary>
/// What changes between two rings. The fractions are exact, not sampled: the positions of both rings cut the
/// tokens into arcs on which neither ring's answer changes, so one sweep over the merged positions
/// sees every token. O(v · n) in the virtual nodes of both rings.
/// </summary>
public static class RingDiff
{
    /// <summary>How much of all tokens changes its primary and its replica set, and between which nodes primaries flow.</summary>
    /// <param name="before">The ring now.</param>
    /// <param name="after">The ring then; nodes are the same if their names are.</param>
    /// <param name="n">Distinct nodes per key, at least 1.</param>
    /// <returns>
    /// Fractions of all tokens. Replica sets are compared regardless of their order. A flow needs a node at both
    /// ends: where one ring is empty everything changes and there are no flows.
    /// </returns>
    public static RingPlanFractions Compare(HashRing before, HashRing after, int n)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        if (before.Nodes.Count == 0 || after.Nodes.Count == 0)
        {
            double changed = before.Nodes.Count == after.Nodes.Count ? 0 : 1;
            return new(changed, changed, []);
        }

        return Sweep(before, after, n);
    }

    /// <summary>
    /// The replicas that <see cref="RangePlacement"/> would move if the ring became <paramref name="after"/>.
    /// A leader that changes within an unchanged replica set moves no data and is not listed.
    /// </summary>
    /// <param name="ranges">The ranges of one keyspace.</param>
    /// <param name="after">The ring then.</param>
    /// <param name="replicationFactor">Of the keyspace, at least 1.</param>
    public static IReadOnlyList<PlannedMove> Moves(IReadOnlyList<RingRange> ranges, HashRing after, int replicationFactor)
    {
        var wanted = RangePlacement.Assign(after, ranges, replicationFactor);
        var moves = new List<PlannedMove>();
        for (var i = 0; i < ranges.Count; i++)
        {
            var range = ranges[i];
            var given = range.Replicas.Except(wanted[i].Replicas, StringComparer.Ordinal).ToArray();
            var taken = wanted[i].Replicas.Except(range.Replicas, StringComparer.Ordinal).ToArray();
            for (var k = 0; k < Math.Max(given.Length, taken.Length); k++)
                moves.Add(new(range.Id.Value, given.ElementAtOrDefault(k), taken.ElementAtOrDefault(k), range.Keys, range.Bytes));
        }

        return moves;
    }

    private static RingPlanFractions Sweep(HashRing before, HashRing after, int n)
    {
        // Node indexes of the ring then, in terms of the ring now; nodes that are new get numbers behind those.
        var common = new int[after.Nodes.Count];
        for (var i = 0; i < common.Length; i++)
            common[i] = before.TryGetIndex(after.Nodes[i].Name, out var index) ? index : before.Nodes.Count + i;

        var oldNodes = new int[Math.Min(n, before.Nodes.Count)];
        var newNodes = new int[Math.Min(n, after.Nodes.Count)];
        var flows = new Dictionary<(int From, int To), UInt128>();
        var primaries = UInt128.Zero;
        var replicaSets = UInt128.Zero;
        foreach (var (arc, oldPosition, newPosition) in MergedArcs(before.Positions, after.Positions))
        {
            before.Walk(oldPosition, oldNodes);
            after.Walk(newPosition, newNodes);
            if (oldNodes[0] != common[newNodes[0]])
            {
                primaries += arc;
                var pair = (oldNodes[0], newNodes[0]);
                flows[pair] = flows.GetValueOrDefault(pair) + arc;
            }

            if (!SameSet(oldNodes, newNodes, common))
                replicaSets += arc;
        }

        var sorted = flows
            .Select(flow => new RingFlow(before.Nodes[flow.Key.From].Name, after.Nodes[flow.Key.To].Name, HashRing.Fraction(flow.Value)))
            .OrderByDescending(flow => flow.Fraction)
            .ThenBy(flow => flow.From, StringComparer.Ordinal)
            .ThenBy(flow => flow.To, StringComparer.Ordinal);
        return new(HashRing.Fraction(primaries), HashRing.Fraction(replicaSets), [.. sorted]);
    }

    private static bool SameSet(int[] oldNodes, int[] newNodes, int[] common)
    {
        if (oldNodes.Length != newNodes.Length)
            return false;
        foreach (var node in newNodes)
        {
            if (Array.IndexOf(oldNodes, common[node]) < 0)
                return false;
        }

        return true;
    }

    /// <summary>
    /// The arcs between neighbouring positions of either ring, each with the position that owns it in both. They add up to all tokens.
    /// </summary>
    private static IEnumerable<(UInt128 Arc, int Old, int New)> MergedArcs(RingPositions before, RingPositions after)
    {
        // The first arc reaches back over zero to the highest position; that of a single shared position is the whole ring.
        var highest = Math.Max(before[before.Count - 1], after[after.Count - 1]);
        var lowest = Math.Min(before[0], after[0]);
        var whole = lowest == highest;
        var last = highest;
        for (int i = 0, j = 0; i < before.Count || j < after.Count;)
        {
            var end = Math.Min(i < before.Count ? before[i] : ulong.MaxValue, j < after.Count ? after[j] : ulong.MaxValue);
            var arc = whole ? HashRing.TokenCount : unchecked(end - last);
            yield return (arc, i < before.Count ? i : 0, j < after.Count ? j : 0);
            last = end;
            whole = false;
            while (i < before.Count && before[i] == end)
                i++;
            while (j < after.Count && after[j] == end)
                j++;
        }
    }
}

namespace GrainDb.Engine.Ring;

/// <summary>
/// Assigns the ranges of one keyspace to nodes: the ring says where a range would like to be, the weights say how many
/// each node leads. A few hundred ranges thrown at a ring scatter far more than operators accept, so for primaries the ring decides
/// preference only and quotas decide the numbers: every node leads its exact share by weight, rounded down or up.
/// Followers are the next distinct nodes of the ring walk. See docs/adr/0006-range-placement.md.
/// <para>A primary stays where it is as far as quotas allow, and a walk changes only by the nodes that join or leave. So a
/// node that joins equal ones takes from them and moves nothing between them; one that leaves gives away only what it
/// held; a second run over the result changes nothing.</para>
/// <para>Pure and deterministic: depends on the ring, the ranges and their replicas, not on the order of the ranges.
/// O(ranges · nodes) time and memory.</para>
/// </summary>
public static class RangePlacement
{
    /// <summary>Most ranges of one keyspace.</summary>
    public const int MaxRanges = 1 << 17;

    /// <summary>Assigns.</summary>
    /// <param name="ring">The ring; without nodes every range gets no replica.</param>
    /// <param name="ranges">The ranges of one keyspace, with the replicas that they have; nodes off the ring are ignored.</param>
    /// <param name="replicationFactor">Replicas per range, at least 1; where the ring has fewer nodes, all of them.</param>
    /// <returns>One assignment per range, in the order of <paramref name="ranges"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="replicationFactor"/> is below 1.</exception>
    /// <exception cref="ArgumentException">There are more than <see cref="MaxRanges"/>, or one is listed twice.</exception>
    public static IReadOnlyList<RangeAssignment> Assign(HashRing ring, IReadOnlyList<RingRange> ranges, int replicationFactor)
    {
        ArgumentNullException.ThrowIfNull(ring);
        ArgumentNullException.ThrowIfNull(ranges);
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        if (ranges.Count > MaxRanges)
            throw new ArgumentException($"At most {MaxRanges} ranges are placed at once; {ranges.Count} were given.", nameof(ranges));
        if (ranges.DistinctBy(static range => range.Id).Count() < ranges.Count)
            throw new ArgumentException("A range is listed twice.", nameof(ranges));
        if (ring.Nodes.Count == 0)
            return [.. ranges.Select(static range => new RangeAssignment(range.Id, []))];

        var order = Enumerable.Range(0, ranges.Count).OrderBy(i => ranges[i].Token).ThenBy(i => ranges[i].Id.Value).ToArray();
        var preferences = new RangePreferences(ring, [.. order.Select(i => ranges[i])]);
        var primaries = PrimaryPlacement.Choose(preferences);
        var replicas = Math.Min(replicationFactor, ring.Nodes.Count);
        var assignments = new RangeAssignment[ranges.Count];
        for (var i = 0; i < order.Length; i++)
            assignments[order[i]] = new(ranges[order[i]].Id, ReplicaSet(ring, preferences, i, primaries[i], replicas));
        return assignments;
    }

    /// <summary>The primary, then the ring walk without it.</summary>
    private static string[] ReplicaSet(HashRing ring, RangePreferences preferences, int range, int primary, int replicas)
    {
        var names = new string[replicas];
        names[0] = ring.Nodes[primary].Name;
        for (int rank = 0, found = 1; found < replicas; rank++)
        {
            var node = preferences.NodeAt(range, rank);
            if (node != primary)
                names[found++] = ring.Nodes[node].Name;
        }

        return names;
    }
}

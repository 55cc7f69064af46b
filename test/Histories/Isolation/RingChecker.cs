using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Isolation;

/// <summary>All links of a ring as one transaction saw them.</summary>
/// <param name="Links">From each node to the next.</param>
/// <param name="At">The snapshot; zero when nobody said.</param>
/// <param name="Note">Who saw it, for a person.</param>
public sealed record RingSeen(IReadOnlyDictionary<int, int> Links, Timestamp At, string Note);

/// <summary>
/// FoundationDB's cycle: nodes 0 to n-1 point to one another in one ring, and every transaction swaps two neighbours by rewriting three links. Every
/// serializable state is one ring of all nodes; a lost or torn transaction makes two rings, or an end.
/// </summary>
public static class RingChecker
{
    /// <summary>Checks every snapshot.</summary>
    /// <param name="snapshots">What transactions saw.</param>
    /// <param name="nodes">Nodes of the ring.</param>
    public static IEnumerable<Violation> Check(IEnumerable<RingSeen> snapshots, int nodes)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        foreach (var snapshot in snapshots)
        {
            var visited = new HashSet<int>();
            var at = 0;
            while (visited.Add(at) && snapshot.Links.TryGetValue(at, out var next))
                at = next;
            if (visited.Count != nodes || at != 0)
                yield return new("ring", $"no ring of {nodes} nodes: {string.Join(", ", snapshot.Links.OrderBy(link => link.Key).Select(link => $"{link.Key}→{link.Value}"))} at {snapshot.At}: {snapshot.Note}");
        }
    }
}

namespace GrainDb.Engine.Ring;

/// <summary>
/// Divides seats among nodes by weight: every node gets its exact share rounded down or up. Seats left over by rounding down
/// go to nodes that would otherwise have to give one up, then to those that the ring wishes more ranges on than they got,
/// then by largest remainder (Hamilton's method). The ring's wishes come before the remainder because keyspaces with few ranges are
/// many: by remainder alone every keyspace of a single range would go to the heaviest node.
/// </summary>
internal static class WeightQuotas
{
    /// <summary>An exact share this close to a whole number is that number: weights like 0.1 are not exact in binary.</summary>
    private const double WholeTolerance = 1e-9;

    /// <summary>Divides.</summary>
    /// <param name="nodes">At least one; on equal terms the earlier one wins.</param>
    /// <param name="seats">How many.</param>
    /// <param name="held">Seats that each node has now.</param>
    /// <param name="wished">Seats that the ring would give each node.</param>
    /// <returns>Seats per node; their sum is <paramref name="seats"/>.</returns>
    public static int[] Divide(IReadOnlyList<RingNode> nodes, int seats, int[] held, int[] wished)
    {
        var totalWeight = nodes.Sum(static node => node.Weight);
        var exact = nodes.Select(node => Whole(seats * (node.Weight / totalWeight))).ToArray();
        var quotas = Array.ConvertAll(exact, static share => (int)share);
        var roundedUp = Enumerable.Range(0, quotas.Length)
            .Where(i => exact[i] > quotas[i])
            .OrderByDescending(i => held[i] > quotas[i])
            .ThenByDescending(i => wished[i] - quotas[i])
            .ThenByDescending(i => exact[i] - quotas[i])
            .ThenBy(i => i)
            .Take(seats - quotas.Sum())
            .ToArray();
        foreach (var i in roundedUp)
            quotas[i]++;
        return quotas;
    }

    private static double Whole(double value)
    {
        var whole = Math.Round(value);
        return Math.Abs(value - whole) <= WholeTolerance * Math.Max(1, whole) ? whole : value;
    }
}

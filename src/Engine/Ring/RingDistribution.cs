using GrainDb.Interfaces.Ring;

namespace GrainDb.Engine.Ring;

/// <summary>What the nodes of a ring get of a sample of keys, against what their weights promise.</summary>
public static class RingDistribution
{
    /// <summary>Counts over keys.</summary>
    /// <inheritdoc cref="Distribution(HashRing, IEnumerable{ulong}, int)"/>
    public static RingDistributionView Distribution(this HashRing ring, IEnumerable<byte[]> sampleKeys, int n)
    {
        ArgumentNullException.ThrowIfNull(sampleKeys);
        return ring.Distribution(sampleKeys.Select(static key => HashRing.Token(key)), n);
    }

    /// <summary>Counts over tokens.</summary>
    /// <returns>
    /// One entry per node. <c>Deviation</c> is that of the primaries from the expected number; 0 where nothing is expected.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/>, the distinct nodes per key, is below 1.</exception>
    public static RingDistributionView Distribution(this HashRing ring, IEnumerable<ulong> sampleTokens, int n)
    {
        ArgumentNullException.ThrowIfNull(ring);
        ArgumentNullException.ThrowIfNull(sampleTokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        var primaries = new long[ring.Nodes.Count];
        var replicas = new long[ring.Nodes.Count];
        var holders = new int[Math.Min(n, Math.Max(1, ring.Nodes.Count))];
        var keys = 0;
        foreach (var token in sampleTokens)
        {
            keys++;
            var found = ring.GetNodes(token, holders);
            for (var i = 0; i < found; i++)
                replicas[holders[i]]++;
            if (found > 0)
                primaries[holders[0]]++;
        }

        var nodes = ring.Nodes.Select((node, i) =>
        {
            var expected = keys * ring.ExpectedShare(node.Name);
            return new NodeDistributionView(
                node.Name, primaries[i], replicas[i], expected, expected == 0 ? 0 : (primaries[i] - expected) / expected);
        });
        return new(keys, n, [.. nodes]);
    }
}

using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

/// <summary>
/// How closely shares follow weights. A share of v virtual nodes scatters with a standard deviation of about 1/√v of
/// itself, so no bound holds for every set of names: these are pinned rings of ordinary names, exact by arcs, and every one is
/// the same on every machine. What the default was chosen by stands in docs/adr/0004-hash-function.md.
/// </summary>
public sealed class RingBalanceTests
{
    public static readonly TheoryData<string, int> Families =
        new() { { "node", 1 }, { "n", 1 }, { "node-", 0 }, { "silo", 0 }, { "graindb-", 0 }, { "db", 1 }, { "server", 1 }, { "us-", 1 } };

    [Theory]
    [MemberData(nameof(Families))]
    public void By_default_shares_are_within_a_tenth_of_the_weights_for_3_to_50_equal_nodes(string prefix, int first)
    {
        for (var count = 3; count <= 50; count++)
        {
            var deviations = Deviations(Ring(Names(prefix, first, count), HashRing.DefaultVirtualNodesPerUnit));
            Assert.InRange(deviations.Max(), 0, 0.10);
            Assert.InRange(deviations.Average(), 0, 0.035);
        }
    }

    [Fact]
    public void By_default_shares_follow_unequal_weights()
    {
        RingNode[] nodes = [new("node1", 1), new("node2", 2), new("node3", 0.5)];
        Assert.InRange(Deviations(new HashRing(1, nodes)).Max(), 0, 0.10);
    }

    /// <summary>With 150 per unit the mean over the nodes stays near 1/√150 · √(2/π) = 6.5 %, while single nodes go far beyond a tenth.</summary>
    [Fact]
    public void With_150_virtual_nodes_the_mean_deviation_is_within_a_tenth_but_the_largest_is_not()
    {
        var rings = Enumerable.Range(3, 48).Select(count => Deviations(Ring(Names("node", 1, count), 150))).ToArray();
        Assert.All(rings, deviations => Assert.InRange(deviations.Average(), 0, 0.10));
        Assert.Contains(rings, deviations => deviations.Max() > 0.15);
        Assert.All(rings, deviations => Assert.InRange(deviations.Max(), 0, 4 / Math.Sqrt(150)));
    }

    [Theory]
    [InlineData("node1 node2 node3", "node4")]
    [InlineData("n1 n2 n3", "n4")]
    [InlineData("a b c", "d")]
    [InlineData("node-a node-b node-c", "node-d")]
    [InlineData("silo0 silo1 silo2", "silo3")]
    [InlineData("graindb-0 graindb-1 graindb-2", "graindb-3")]
    public void A_fourth_equal_node_takes_a_quarter_and_nothing_moves_between_the_old_ones(string old, string joining)
    {
        var before = new HashRing(1, old.Split(' ').Select(name => new RingNode(name, 1)));
        var after = new RingChange([new(joining, 1)], [], new Dictionary<string, double>()).ApplyTo(before);
        var fractions = RingDiff.Compare(before, after, 3);
        Assert.InRange(fractions.Primaries, 0.22, 0.28);
        Assert.Equal(after.Share(joining), fractions.Primaries, 1e-12);
        Assert.Equal(3, fractions.Flows.Count);
        Assert.All(fractions.Flows, flow => Assert.Equal(joining, flow.To));
    }

    /// <summary>Not chosen names but many: the scatter that the theory says, so the hash is no worse than random positions.</summary>
    [Fact]
    public void Over_many_rings_the_scatter_is_that_of_random_positions()
    {
        const int PerUnit = 256;
        const int Nodes = 5;
        var squares = Enumerable.Range(0, 400)
            .SelectMany(run => Deviations(Ring([.. Enumerable.Range(0, Nodes).Select(i => $"r{run}-{i}")], PerUnit)))
            .Average(deviation => deviation * deviation);
        var expected = Math.Sqrt((1 - (1.0 / Nodes)) / PerUnit);
        Assert.InRange(Math.Sqrt(squares), expected * 0.9, expected * 1.1);
    }

    private static string[] Names(string prefix, int first, int count) => [.. Enumerable.Range(first, count).Select(i => $"{prefix}{i}")];

    private static HashRing Ring(string[] names, int perUnit) => new(1, names.Select(name => new RingNode(name, 1)), perUnit);

    private static double[] Deviations(HashRing ring) =>
        [.. ring.Nodes.Select(node => Math.Abs((ring.Share(node.Name) / ring.ExpectedShare(node.Name)) - 1))];
}

using System.Text;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class HashRingTests
{
    private static readonly RingNode[] FourNodes = [new("node1", 1), new("node2", 2), new("node3", 0.5), new("node4", 1.5)];

    [Fact]
    public void An_empty_ring_gives_nothing()
    {
        var ring = new HashRing(1, []);
        Assert.Empty(ring.GetNodes(42, 3));
        Assert.Null(ring.GetPrimary(42));
        Assert.Equal(0, ring.GetNodes(42, new int[3]));
        Assert.Empty(ring.Distribution([1UL, 2UL], 1).Nodes);
    }

    [Fact]
    public void One_virtual_node_owns_everything()
    {
        var ring = new HashRing(1, [new("only", 1)], 1);
        Assert.Equal(1, ring.Share("only"));
        Assert.Equal(["only"], ring.GetNodes(0, 3));
        Assert.Equal(["only"], ring.GetNodes(ulong.MaxValue, 1));
    }

    [Fact]
    public void Virtual_nodes_are_the_weight_in_units_rounded_and_at_least_one()
    {
        var ring = new HashRing(1, [new("a", 1), new("b", 0.25), new("c", 0.001), new("d", 2.004)], 150);
        Assert.Equal([150, 38, 1, 301], ring.Nodes.Select(node => ring.VirtualNodes(node.Name)));
    }

    [Fact]
    public void The_order_of_nodes_does_not_matter()
    {
        var ring = new HashRing(1, FourNodes);
        var reversed = new HashRing(1, FourNodes.Reverse());
        Assert.Equal(ring.Nodes, reversed.Nodes);
        var tokens = Enumerable.Range(0, 1_000).Select(i => HashRing.Token($"k{i}"));
        Assert.All(tokens, token => Assert.Equal(ring.GetNodes(token, 4), reversed.GetNodes(token, 4)));
    }

    [Fact]
    public void Keys_texts_and_tokens_agree()
    {
        var ring = new HashRing(1, FourNodes);
        var text = new string('ö', 500) + "😀";
        var key = Encoding.UTF8.GetBytes(text);
        Assert.Equal(HashRing.Token(key), HashRing.Token(text));
        Assert.Equal(ring.GetNodes(HashRing.Token(text), 3), ring.GetNodes(key, 3));
        Assert.Equal(ring.GetNodes(key, 1)[0], ring.GetPrimary(HashRing.Token(key)));
    }

    [Fact]
    public void A_lookup_does_not_allocate()
    {
        var ring = new HashRing(1, Enumerable.Range(0, 100).Select(i => new RingNode($"node{i}", 1)), 150);
        Span<int> nodes = stackalloc int[3];
        ring.GetNodes(1, nodes);
        ring.GetPrimary(1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong i = 0; i < 1_000; i++)
        {
            ring.GetNodes(i * 0x9E3779B97F4A7C15, nodes);
            ring.GetPrimary(i * 0x9E3779B97F4A7C15);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void A_weight_that_is_not_above_zero_is_an_error(double weight)
    {
        var error = Assert.Throws<InvalidRingException>(() => new HashRing(1, [new("a", 1), new("b", weight)]));
        Assert.StartsWith("The weight of node 'b' is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_doubled_name_is_an_error()
    {
        var error = Assert.Throws<InvalidRingException>(() => new HashRing(1, [new("a", 1), new("b", 1), new("a", 2)]));
        Assert.Equal("Node 'a' is named twice.", error.Message);
        Assert.Throws<InvalidRingException>(() => new HashRing(1, [new("", 1)]));
    }

    [Fact]
    public void Names_that_differ_in_case_are_different() => Assert.Equal(2, new HashRing(1, [new("A", 1), new("a", 1)]).Nodes.Count);

    [Fact]
    public void Bounds_are_errors()
    {
        Assert.Throws<InvalidRingException>(() => new HashRing(1, [new("a", 1e300)]));
        Assert.Throws<InvalidRingException>(() => new HashRing(1, [new("a", HashRing.MaxVirtualNodes), new("b", 1)], 1));
        Assert.Throws<InvalidRingException>(() => new HashRing(1, Enumerable.Range(0, HashRing.MaxNodes + 1).Select(i => new RingNode($"n{i}", 1)), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new HashRing(1, FourNodes, 0));
    }

    [Fact]
    public void The_largest_number_of_nodes_works()
    {
        var ring = new HashRing(1, Enumerable.Range(0, HashRing.MaxNodes).Select(i => new RingNode($"n{i}", 1)), 1);
        Assert.Equal(HashRing.MaxNodes, ring.GetNodes(7, HashRing.MaxNodes + 1).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void Fewer_than_one_node_is_an_error(int n)
    {
        var ring = new HashRing(1, FourNodes);
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.GetNodes(1, n));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.GetNodes("key"u8, n));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.Distribution([1UL], n));
        Assert.Throws<ArgumentException>(() => ring.GetNodes(1, []));
    }

    [Fact]
    public void An_unknown_node_is_an_error()
    {
        var ring = new HashRing(1, FourNodes);
        Assert.Equal("There is no node 'x' on the ring.", Assert.Throws<InvalidRingException>(() => ring.Share("x")).Message);
        Assert.False(ring.TryGetIndex("x", out _));
        Assert.True(ring.TryGetIndex("node3", out var index));
        Assert.Equal(2, index);
    }

    [Fact]
    public void Distribution_counts_primaries_and_replicas_against_the_weights()
    {
        var ring = new HashRing(1, FourNodes);
        var keys = Enumerable.Range(0, 10_000).Select(i => Encoding.UTF8.GetBytes($"customer/{i}")).ToArray();
        var distribution = ring.Distribution(keys, 3);
        Assert.Equal(10_000, distribution.Keys);
        Assert.Equal(10_000, distribution.Nodes.Sum(node => node.Primaries));
        Assert.Equal(30_000, distribution.Nodes.Sum(node => node.Replicas));
        Assert.Equal([2_000, 4_000, 1_000, 3_000], distribution.Nodes.Select(node => node.Expected));
        Assert.All(distribution.Nodes, node =>
        {
            Assert.Equal(keys.Count(key => ring.GetNodes(key, 1)[0] == node.Node), node.Primaries);
            Assert.Equal(keys.Count(key => ring.GetNodes(key, 3).Contains(node.Node)), node.Replicas);
            Assert.Equal((node.Primaries - node.Expected) / node.Expected, node.Deviation);
            Assert.InRange(node.Deviation, -0.1, 0.1);
        });
    }
}

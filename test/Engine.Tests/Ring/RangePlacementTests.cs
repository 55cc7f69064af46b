using GrainDb.Engine.Ring;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class RangePlacementTests
{
    private static readonly HashRing ThreeToOne = new(1, [new("node1", 1), new("node2", 2), new("node3", 0.5)]);

    [Fact]
    public void Weights_1_2_and_a_half_place_700_ranges_exactly_2_to_4_to_1()
    {
        var placed = RangePlacement.Assign(ThreeToOne, RingGen.NewRanges(700), 1);
        var leads = placed.CountBy(assignment => assignment.Replicas[0]).ToDictionary();
        Assert.Equal((200, 400, 100), (leads["node1"], leads["node2"], leads["node3"]));
    }

    [Fact]
    public void New_ranges_follow_the_ring_where_quotas_allow()
    {
        var ranges = RingGen.NewRanges(700);
        var placed = RangePlacement.Assign(ThreeToOne, ranges, 1);
        var wishes = ranges.Zip(placed).Count(pair => ThreeToOne.GetPrimary(pair.First.Token) == pair.Second.Replicas[0]);
        Assert.True(wishes >= 630, $"{wishes} of 700 ranges are at their ring primary");
    }

    [Fact]
    public void With_as_many_replicas_as_nodes_all_nodes_hold_every_range_and_leaders_follow_weights()
    {
        var placed = RangePlacement.Assign(ThreeToOne, RingGen.NewRanges(70), 5);
        Assert.All(placed, assignment => Assert.Equal(["node1", "node2", "node3"], assignment.Replicas.Order()));
        var leads = placed.CountBy(assignment => assignment.Replicas[0]).ToDictionary();
        Assert.Equal((20, 40, 10), (leads["node1"], leads["node2"], leads["node3"]));
    }

    [Fact]
    public void Followers_stand_in_ring_order()
    {
        var ring = new HashRing(1, Enumerable.Range(1, 6).Select(i => new RingNode($"node{i}", 1)));
        var ranges = RingGen.NewRanges(60);
        foreach (var (range, assignment) in ranges.Zip(RangePlacement.Assign(ring, ranges, 4)))
        {
            var walk = ring.GetNodes(range.Token, 6);
            Assert.Equal(assignment.Replicas.Skip(1).OrderBy(node => Array.IndexOf(walk, node)), assignment.Replicas.Skip(1));
        }
    }

    [Fact]
    public void Of_a_node_above_quota_the_ranges_go_whose_ring_walk_reaches_it_last()
    {
        var ring = new HashRing(1, [new("a", 1), new("b", 1)]);
        var ranges = RingGen.Ranges(100, _ => ["a"]);
        var placed = RangePlacement.Assign(ring, ranges, 1);
        var wishes = ranges.Count(range => ring.GetPrimary(range.Token) == "a");
        var kept = ranges.Zip(placed).Count(pair => pair.Second.Replicas[0] == "a" && ring.GetPrimary(pair.First.Token) == "a");
        Assert.Equal(Math.Min(wishes, 50), kept);
    }

    [Fact]
    public void Leadership_passes_to_a_holder_before_data_is_copied()
    {
        var ring = new HashRing(1, [new("a", 1), new("b", 1), new("c", 1), new("d", 1)]);
        var ranges = RingGen.Ranges(40, i => i < 20 ? ["a", "b"] : ["c", "d"]);
        var placed = RangePlacement.Assign(ring, ranges, 1);
        Assert.All(ranges.Zip(placed), pair => Assert.Contains(pair.Second.Replicas[0], pair.First.Replicas));
        Assert.All(placed.CountBy(assignment => assignment.Replicas[0]), node => Assert.Equal(10, node.Value));
    }

    [Fact]
    public void Keyspaces_of_a_single_range_together_follow_the_weights()
    {
        var leads = Enumerable.Range(0, 3_500)
            .Select(i => RingRange.TokenOf($"keyspace{i}", KeyspacePartitioning.Range, []))
            .Select(token => RangePlacement.Assign(ThreeToOne, [new(new RangeId(1), token, [])], 1)[0].Replicas[0])
            .CountBy(node => node)
            .ToDictionary();
        Assert.InRange(leads["node1"], 900, 1_100);
        Assert.InRange(leads["node2"], 1_850, 2_150);
        Assert.InRange(leads["node3"], 430, 570);
    }

    [Fact]
    public void Tokens_of_hash_ranges_are_their_start_turned_by_the_keyspace()
    {
        var turn = HashRing.Token("orders");
        Assert.Equal(turn, RingRange.TokenOf("orders", KeyspacePartitioning.Hash, []));
        Assert.Equal(unchecked(turn + 0x8000_0000_0000_0000), RingRange.TokenOf("orders", KeyspacePartitioning.Hash, [0x80]));
        Assert.Equal(unchecked(turn + 0x0102_0304_0506_0708), RingRange.TokenOf("orders", KeyspacePartitioning.Hash, [1, 2, 3, 4, 5, 6, 7, 8, 9]));
        Assert.NotEqual(RingRange.TokenOf("orders", KeyspacePartitioning.Range, []), RingRange.TokenOf("orders", KeyspacePartitioning.Range, [0]));
        Assert.NotEqual(RingRange.TokenOf("orders", KeyspacePartitioning.Range, []), RingRange.TokenOf("stock", KeyspacePartitioning.Range, []));
    }

    [Fact]
    public void An_empty_ring_places_nothing() =>
        Assert.All(RangePlacement.Assign(new HashRing(1, []), RingGen.NewRanges(3), 3), assignment => Assert.Empty(assignment.Replicas));

    [Fact]
    public void Without_ranges_there_is_nothing_to_place() => Assert.Empty(RangePlacement.Assign(ThreeToOne, [], 3));

    [Fact]
    public void Wrong_arguments_are_errors()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => RangePlacement.Assign(ThreeToOne, [], 0));
        var many = Enumerable.Repeat(RingGen.NewRanges(1)[0], RangePlacement.MaxRanges + 1).ToArray();
        Assert.Throws<ArgumentException>(() => RangePlacement.Assign(ThreeToOne, many, 1));
        Assert.Throws<ArgumentException>(() => RangePlacement.Assign(ThreeToOne, many[..2], 1));
    }
}

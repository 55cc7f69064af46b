using CsCheck;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class RingDiffTests
{
    private static readonly Dictionary<string, double> NoWeights = [];

    /// <summary>Any two rings over overlapping names: added, removed and re-weighted nodes in any mixture.</summary>
    [Fact]
    public void Fractions_and_flows_are_those_of_every_arc() =>
        Gen.Select(RingGen.Nodes(1, 8), RingGen.Nodes(1, 8), Gen.Int[0, 8], Gen.Int[1, 20], Gen.Int[1, 20], Gen.Int[1, 5]).Sample(
            (old, added, kept, oldPerUnit, newPerUnit, n) =>
            {
                RingNode[] now = [.. old.Take(kept).Concat(added).DistinctBy(node => node.Name)];
                var fractions = RingDiff.Compare(new HashRing(1, old, oldPerUnit), new HashRing(2, now, newPerUnit), n);

                var before = new NaiveRing(old, oldPerUnit);
                var after = new NaiveRing(now, newPerUnit);
                var flows = new Dictionary<(string From, string To), double>();
                var sets = 0.0;
                foreach (var (last, length) in NaiveRing.Arcs(before, after))
                {
                    var (from, to) = (before.GetNodes(last, n), after.GetNodes(last, n));
                    if (from[0] != to[0])
                        flows[(from[0], to[0])] = flows.GetValueOrDefault((from[0], to[0])) + length;
                    if (!from.ToHashSet().SetEquals(to))
                        sets += length;
                }

                Assert.Equal(flows.Values.Sum(), fractions.Primaries, 1e-12);
                Assert.Equal(sets, fractions.ReplicaSets, 1e-12);
                Assert.Equal(flows.Count, fractions.Flows.Count);
                Assert.All(fractions.Flows, flow => Assert.Equal(flows[(flow.From, flow.To)], flow.Fraction, 1e-12));
                Assert.Equal(fractions.Flows.Select(flow => flow.Fraction).OrderDescending(), fractions.Flows.Select(flow => flow.Fraction));
            });

    [Fact]
    public void Between_equal_rings_nothing_changes() =>
        Gen.Select(RingGen.Rings(0, 10), Gen.Int[1, 5]).Sample((ring, n) =>
        {
            var fractions = RingDiff.Compare(ring, new HashRing(2, ring.Nodes.Reverse(), ring.VirtualNodesPerUnit), n);
            Assert.Equal((0, 0, 0), (fractions.Primaries, fractions.ReplicaSets, fractions.Flows.Count));
        });

    [Fact]
    public void A_joining_node_takes_its_share_and_nothing_moves_between_old_nodes() =>
        Gen.Select(RingGen.Rings(1, 10), Gen.Double[0.1, 4], Gen.Int[1, 5]).Sample((ring, weight, n) =>
        {
            var after = new RingChange([new("joining", weight)], [], NoWeights).ApplyTo(ring);
            var fractions = RingDiff.Compare(ring, after, n);
            Assert.Equal(after.Share("joining"), fractions.Primaries, 1e-12);
            Assert.All(fractions.Flows, flow => Assert.Equal("joining", flow.To));
        });

    [Fact]
    public void A_leaving_node_gives_its_share_and_nothing_else_moves() =>
        Gen.Select(RingGen.Rings(2, 10), Gen.Int[0, 9], Gen.Int[1, 5]).Sample((ring, leavingIndex, n) =>
        {
            var leaving = ring.Nodes[leavingIndex % ring.Nodes.Count].Name;
            var fractions = RingDiff.Compare(ring, new RingChange([], [leaving], NoWeights).ApplyTo(ring), n);
            Assert.Equal(ring.Share(leaving), fractions.Primaries, 1e-12);
            Assert.All(fractions.Flows, flow => Assert.Equal(leaving, flow.From));
        });

    [Fact]
    public void Weight_moves_only_to_or_from_the_node_whose_weight_changed()
    {
        var before = new HashRing(1, [new("a", 1), new("b", 1), new("c", 1)]);
        var heavier = new RingChange([], [], new Dictionary<string, double> { ["b"] = 2 }).ApplyTo(before);
        Assert.All(RingDiff.Compare(before, heavier, 1).Flows, flow => Assert.Equal("b", flow.To));
        Assert.All(RingDiff.Compare(heavier, before, 1).Flows, flow => Assert.Equal("b", flow.From));
        Assert.InRange(RingDiff.Compare(before, heavier, 1).Primaries, 0.14, 0.19);
    }

    [Fact]
    public void From_or_to_an_empty_ring_everything_changes_without_flows()
    {
        var empty = new HashRing(1, []);
        var ring = new HashRing(1, [new("a", 1)]);
        foreach (var fractions in new[] { RingDiff.Compare(empty, ring, 1), RingDiff.Compare(ring, empty, 1) })
            Assert.Equal((1, 1, 0), (fractions.Primaries, fractions.ReplicaSets, fractions.Flows.Count));
        Assert.Equal(0, RingDiff.Compare(empty, empty, 1).Primaries);
    }

    [Fact]
    public void Where_all_nodes_are_replicas_only_primaries_change()
    {
        var before = new HashRing(1, [new("a", 1), new("b", 1), new("c", 1)]);
        var after = new RingChange([], [], new Dictionary<string, double> { ["b"] = 2 }).ApplyTo(before);
        var fractions = RingDiff.Compare(before, after, 3);
        Assert.Equal(0, fractions.ReplicaSets);
        Assert.True(fractions.Primaries > 0);
    }

    [Fact]
    public void Moves_are_the_replicas_that_placement_changes_with_their_keys_and_bytes()
    {
        var before = new HashRing(1, [new("a", 1), new("b", 1), new("c", 1)]);
        var after = new RingChange([new("d", 1)], [], NoWeights).ApplyTo(before);
        var placed = RingGen.NewRanges(120);
        RingRange[] ranges =
        [
            .. RingGen.Carried(placed, RangePlacement.Assign(before, placed, 2))
                .Select(range => range with { Keys = range.Id.Value * 10, Bytes = range.Id.Value * 1_000 }),
        ];
        var moves = RingDiff.Moves(ranges, after, 2);
        Assert.InRange(moves.Count, 50, 70);
        Assert.All(moves, move =>
        {
            Assert.Equal("d", move.To);
            Assert.Contains(move.From, ranges[move.Range - 1].Replicas);
            Assert.Equal((move.Range * 10, move.Range * 1_000), (move.Keys, move.Bytes));
        });
        Assert.Equal(moves.Count, moves.Select(move => move.Range).Distinct().Count());
    }

    [Fact]
    public void More_replicas_are_moves_without_origin_and_fewer_without_destination()
    {
        var ring = new HashRing(1, [new("a", 1), new("b", 1), new("c", 1)]);
        var one = RingGen.NewRanges(9);
        one = RingGen.Carried(one, RangePlacement.Assign(ring, one, 1));
        var more = RingDiff.Moves(one, ring, 3);
        Assert.Equal(18, more.Count);
        Assert.All(more, move => Assert.True(move.From is null && move.To is not null));
        var three = RingGen.Carried(one, RangePlacement.Assign(ring, one, 3));
        var fewer = RingDiff.Moves(three, ring, 1);
        Assert.Equal(18, fewer.Count);
        Assert.All(fewer, move => Assert.True(move.From is not null && move.To is null));
    }

    [Fact]
    public void Fewer_than_one_replica_is_an_error()
    {
        var ring = new HashRing(1, [new("a", 1)]);
        Assert.Throws<ArgumentOutOfRangeException>(() => RingDiff.Compare(ring, ring, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RingDiff.Moves([], ring, 0));
    }
}

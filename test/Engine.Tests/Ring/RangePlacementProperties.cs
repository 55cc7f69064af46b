using CsCheck;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class RangePlacementProperties
{
    private static readonly Dictionary<string, double> NoWeights = [];

    private static readonly Gen<(HashRing Ring, int Ranges, int Replicas)> Cases =
        Gen.Select(RingGen.Rings(1, 9), Gen.Int[1, 150], Gen.Int[1, 5]);

    private static Gen<HashRing> EqualNodes(int min, int max) =>
        Gen.Select(RingGen.Names(min, max), Gen.Int[1, 100])
            .Select((names, perUnit) => new HashRing(1, names.Select(name => new RingNode(name, 1)), perUnit));

    private static RingRange[] Place(HashRing ring, RingRange[] ranges, int replicas) =>
        RingGen.Carried(ranges, RangePlacement.Assign(ring, ranges, replicas));

    private static int[] Leads(HashRing ring, RingRange[] ranges) =>
        [.. ring.Nodes.Select(node => ranges.Count(range => range.Replicas[0] == node.Name))];

    /// <summary>Full sets, followers by the ring walk, and every node's primaries its exact share rounded down or up.</summary>
    private static void AssertWellPlaced(HashRing ring, RingRange[] ranges, int replicas)
    {
        Assert.All(ranges, range =>
        {
            var followers = ring.GetNodes(range.Token, ring.Nodes.Count).Where(node => node != range.Replicas[0]).Take(replicas - 1);
            Assert.Equal([range.Replicas[0], .. followers], range.Replicas);
            Assert.True(ring.TryGetIndex(range.Replicas[0], out _));
        });
        var leads = Leads(ring, ranges);
        for (var i = 0; i < leads.Length; i++)
        {
            var exact = ranges.Length * ring.ExpectedShare(ring.Nodes[i].Name);
            Assert.InRange(leads[i], Math.Floor(exact - 1e-6), Math.Ceiling(exact + 1e-6));
        }
    }

    [Fact]
    public void New_ranges_fill_every_quota() =>
        Cases.Sample((ring, count, replicas) => AssertWellPlaced(ring, Place(ring, RingGen.NewRanges(count), replicas), replicas));

    /// <summary>Also from replicas that nobody would choose, some on nodes that are gone.</summary>
    [Fact]
    public void Ranges_from_anywhere_fill_every_quota() =>
        Gen.Select(Cases, Gen.Int[0, 12].Array[0, 6].Array[150]).Sample((@case, anywhere) =>
        {
            var (ring, count, replicas) = @case;
            string NameOf(int i) => i < ring.Nodes.Count ? ring.Nodes[i].Name : $"gone{i}";
            var ranges = RingGen.Ranges(count, i => [.. anywhere[i].Select(NameOf)]);
            var placed = Place(ring, ranges, replicas);
            AssertWellPlaced(ring, placed, replicas);
            AssertUnchanged(placed, Place(ring, placed, replicas));
        });

    [Fact]
    public void A_second_run_changes_nothing() => Cases.Sample((ring, count, replicas) =>
    {
        var placed = Place(ring, RingGen.NewRanges(count), replicas);
        AssertUnchanged(placed, Place(ring, placed, replicas));
    });

    [Fact]
    public void The_order_of_ranges_does_not_matter() =>
        Gen.Select(Cases, Gen.Int).Sample((@case, seed) =>
        {
            var (ring, count, replicas) = @case;
            var ranges = RingGen.NewRanges(count);
            var shuffled = (RingRange[])ranges.Clone();
            new Random(seed).Shuffle(shuffled);
            AssertUnchanged(Place(ring, ranges, replicas), [.. Place(ring, shuffled, replicas).OrderBy(range => range.Id.Value)]);
        });

    [Fact]
    public void A_node_that_joins_equal_ones_takes_from_them_and_nothing_moves_between_them() =>
        Gen.Select(EqualNodes(1, 9), Gen.Int[1, 150], Gen.Int[1, 5], Gen.Double[0.1, 4]).Sample((ring, count, replicas, weight) =>
        {
            var placed = Place(ring, RingGen.NewRanges(count), replicas);
            var grown = new RingChange([new("joining", weight)], [], NoWeights).ApplyTo(ring);
            var after = Place(grown, placed, replicas);
            AssertWellPlaced(grown, after, replicas);
            Assert.All(placed.Zip(after), range =>
            {
                Assert.Empty(range.Second.Replicas.Except(range.First.Replicas).Except(["joining"]));
                if (range.Second.Replicas[0] != "joining")
                    Assert.Equal(range.First.Replicas[0], range.Second.Replicas[0]);
            });
        });

    [Fact]
    public void A_node_that_leaves_equal_ones_gives_away_what_it_held_and_nothing_else_moves() =>
        Gen.Select(EqualNodes(2, 9), Gen.Int[1, 150], Gen.Int[1, 5], Gen.Int[0, 8]).Sample((ring, count, replicas, leavingIndex) =>
        {
            var leaving = ring.Nodes[leavingIndex % ring.Nodes.Count].Name;
            var placed = Place(ring, RingGen.NewRanges(count), replicas);
            var shrunk = new RingChange([], [leaving], NoWeights).ApplyTo(ring);
            var after = Place(shrunk, placed, replicas);
            AssertWellPlaced(shrunk, after, replicas);
            Assert.All(placed.Zip(after), range =>
            {
                if (!range.First.Replicas.Contains(leaving))
                    Assert.Equal(range.First.Replicas.Order(), range.Second.Replicas.Order());
                else
                    Assert.Empty(range.First.Replicas.Except(range.Second.Replicas).Except([leaving]));
                if (range.First.Replicas[0] != leaving)
                    Assert.Equal(range.First.Replicas[0], range.Second.Replicas[0]);
            });
        });

    private static void AssertUnchanged(RingRange[] before, RingRange[] after) => Assert.All(before.Zip(after), range =>
    {
        Assert.Equal(range.First.Id, range.Second.Id);
        Assert.Equal(range.First.Replicas, range.Second.Replicas);
    });
}

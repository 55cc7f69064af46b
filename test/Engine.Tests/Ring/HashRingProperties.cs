using CsCheck;
using GrainDb.Engine.Ring;
using Xunit;

namespace GrainDb.Engine.Tests.Ring;

public sealed class HashRingProperties
{
    [Fact]
    public void Lookup_is_the_definition() =>
        Gen.Select(RingGen.Nodes(1, 12), Gen.Int[1, 40], RingGen.Token.Array[1, 20], Gen.Int[1, 15]).Sample((nodes, perUnit, tokens, n) =>
        {
            var ring = new HashRing(1, nodes, perUnit);
            var naive = new NaiveRing(nodes, perUnit);
            foreach (var token in tokens.Concat(naive.Positions.Take(5)))
            {
                var expected = naive.GetNodes(token, n);
                Assert.Equal(expected, ring.GetNodes(token, n));
                Assert.Equal(expected[0], ring.GetPrimary(token));
            }
        });

    [Fact]
    public void Every_key_has_exactly_as_many_distinct_replicas_as_asked_or_nodes() =>
        Gen.Select(RingGen.Rings(1, 12), RingGen.Token, Gen.Int[1, 15]).Sample((ring, token, n) =>
        {
            var nodes = ring.GetNodes(token, n);
            Assert.Equal(Math.Min(n, ring.Nodes.Count), nodes.Distinct().Count());
            Assert.Equal(nodes.Length, nodes.Distinct().Count());
        });

    [Fact]
    public void Fewer_replicas_are_the_beginning_of_more() =>
        Gen.Select(RingGen.Rings(1, 12), RingGen.Token, Gen.Int[1, 15]).Sample((ring, token, n) =>
            Assert.Equal(ring.GetNodes(token, n + 1).Take(n), ring.GetNodes(token, n)));

    [Fact]
    public void Removing_a_node_changes_only_replica_sets_that_contained_it() =>
        Gen.Select(RingGen.Rings(2, 12), RingGen.Token.Array[20], Gen.Int[0, 11], Gen.Int[1, 5]).Sample((ring, tokens, victimIndex, n) =>
        {
            var victim = ring.Nodes[victimIndex % ring.Nodes.Count].Name;
            var without = new RingChange([], [victim], new Dictionary<string, double>()).ApplyTo(ring);
            foreach (var token in tokens)
            {
                var before = ring.GetNodes(token, n);
                var after = without.GetNodes(token, n);
                var survivors = before.Where(node => node != victim).ToArray();
                Assert.Equal(survivors, after.Take(survivors.Length));
                if (survivors.Length == before.Length)
                    Assert.Equal(before, after);
            }
        });

    [Fact]
    public void Shares_are_the_arcs_and_add_up_to_one() =>
        Gen.Select(RingGen.Nodes(1, 12), Gen.Int[1, 40]).Sample((nodes, perUnit) =>
        {
            var ring = new HashRing(1, nodes, perUnit);
            var naive = new NaiveRing(nodes, perUnit);
            Assert.Equal(1, ring.Nodes.Sum(node => ring.Share(node.Name)), 1e-12);
            var shares = NaiveRing.Arcs(naive)
                .GroupBy(arc => naive.GetNodes(arc.Last, 1)[0])
                .ToDictionary(arcs => arcs.Key, arcs => arcs.Sum(arc => arc.Length));
            Assert.All(ring.Nodes, node => Assert.Equal(shares.GetValueOrDefault(node.Name), ring.Share(node.Name), 1e-12));
        });
}

using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Cluster.Tests.Ring;

public sealed class PlacementByWeightTests
{
    private const int Ranges = 700;

    [Fact]
    public async Task Weights_1_2_and_a_half_place_700_ranges_2_to_4_to_1()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 2, 0.5], new StorageOptions());
        var wide = new KeyspaceDescriptor { Name = "wide", Partitioning = KeyspacePartitioning.Hash, Partitions = Ranges, ReplicationFactor = 1 };

        await cluster.Keyspaces(0).CreateAsync(wide, TestContext.Current.CancellationToken);

        // Wake every range: where the activations really are is what counts, not what the descriptors wish.
        await Task.WhenAll(Enumerable.Range(0, 3 * Ranges).Select(i => cluster.PutAsync(i % 3, "wide", $"key-{i}", "v")));
        var ranges = await cluster.View(0).GetRangesAsync("wide", unhealthyOnly: false, TestContext.Current.CancellationToken);
        var leaders = ranges.Where(range => range.Leader is not null).CountBy(range => range.Leader!).ToDictionary();
        var awake = leaders.Values.Sum();
        Assert.True(awake > Ranges * 0.9, $"only {awake} ranges were woken");
        Assert.InRange(leaders["Silo_0"] / (double)awake, 2 / 7.0 * 0.9, 2 / 7.0 * 1.1);
        Assert.InRange(leaders["Silo_1"] / (double)awake, 4 / 7.0 * 0.9, 4 / 7.0 * 1.1);
        Assert.InRange(leaders["Silo_2"] / (double)awake, 1 / 7.0 * 0.9, 1 / 7.0 * 1.1);
        Assert.All(ranges, range => Assert.Equal(range.Leader ?? range.Descriptor.Replicas[0].Node, range.Descriptor.Replicas[0].Node));
    }

    [Fact]
    public async Task A_fourth_equal_node_would_take_a_quarter_and_nothing_moves_between_the_others()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var keyspace = new KeyspaceDescriptor { Name = "wide", Partitioning = KeyspacePartitioning.Hash, Partitions = 120 };
        await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);

        var plan = await cluster.View(1).PlanAsync(
            new RingPlanRequest([new PlannedNode("Silo_3", "local", 1)], [], new Dictionary<string, double>()),
            TestContext.Current.CancellationToken);

        Assert.InRange(plan.Fractions.Primaries, 0.22, 0.28);
        Assert.All(plan.Fractions.Flows, flow => Assert.Equal("Silo_3", flow.To));
        var wide = (await cluster.View(1).GetRangesAsync("wide", unhealthyOnly: false, TestContext.Current.CancellationToken)).Select(range => range.Descriptor.Id.Value).ToHashSet();
        Assert.InRange(plan.Moves.Count(move => wide.Contains(move.Range)), (3 * 120 / 4) - 1, (3 * 120 / 4) + 1); // to a whole replica
        Assert.All(plan.Moves, move => Assert.Equal("Silo_3", move.To));
        Assert.Equal(3, plan.Before.Regions.Single().Nodes.Count);
        Assert.Equal(4, plan.After.Regions.Single().Nodes.Count);
        Assert.Equal(3, (await cluster.View(1).GetRingAsync(TestContext.Current.CancellationToken)).Regions.Single().Nodes.Count);
    }
}

using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Cluster.Tests.Meta;

public sealed class KeyspaceRulesTests
{
    private static KeyspaceDescriptor Keyspace(int factor) => new() { Name = "k", ReplicationFactor = factor };

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(7, true)]
    [InlineData(8, false)]
    [InlineData(-1, false)]
    public void A_factor_is_from_1_to_7(int factor, bool valid) => Assert.Equal(valid, KeyspaceRules.Check(Keyspace(factor)) is null);

    [Fact]
    public void Without_a_number_there_are_as_many_replicas_as_the_default_says_and_nodes_allow()
    {
        var unsaid = Keyspace(KeyspaceDescriptor.DefaultReplicationFactor);
        Assert.Null(KeyspaceRules.Check(unsaid));
        for (var nodes = 1; nodes < 5; nodes++)
            Assert.Equal(Math.Min(KeyspaceRules.DefaultReplicationFactor, nodes), KeyspaceRules.FactorFor(unsaid, nodes));
        Assert.Equal(5, KeyspaceRules.FactorFor(Keyspace(5), 2));
    }

    [Fact]
    public void Who_names_no_number_asks_for_the_keyspace_that_is_there()
    {
        Assert.True(KeyspaceRules.SameConfiguration(Keyspace(3), Keyspace(KeyspaceDescriptor.DefaultReplicationFactor)));
        Assert.True(KeyspaceRules.SameConfiguration(Keyspace(3), Keyspace(3)));
        Assert.False(KeyspaceRules.SameConfiguration(Keyspace(3), Keyspace(2)));
    }

    [Fact]
    public async Task Replicas_stand_on_nodes_of_their_own_under_ids_of_their_own()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var wide = new KeyspaceDescriptor { Name = "wide", Partitioning = KeyspacePartitioning.Hash, Partitions = 8, ReplicationFactor = 3 };

        var (keyspace, created, _) = await cluster.Keyspaces(1).CreateAsync(wide, TestContext.Current.CancellationToken);
        Assert.True(created);
        Assert.Equal(3, keyspace.ReplicationFactor);
        Assert.False((await cluster.Keyspaces(2).CreateAsync(wide with { ReplicationFactor = KeyspaceDescriptor.DefaultReplicationFactor }, TestContext.Current.CancellationToken)).Created);

        var replicas = new List<Guid>();
        foreach (var range in await cluster.View(0).GetRangesAsync("wide", unhealthyOnly: false, TestContext.Current.CancellationToken))
        {
            Assert.Equal(["Silo_0", "Silo_1", "Silo_2"], range.Descriptor.Nodes.Order());
            foreach (var replica in range.Descriptor.Replicas)
            {
                var entry = cluster.Service<NodeStorage>(int.Parse(replica.Node[^1..], System.Globalization.CultureInfo.InvariantCulture)).FindReplica(range.Descriptor.Id)!;
                Assert.Equal(replica.Id, entry.Id);
                Assert.Equal(range.Descriptor.Replicas, entry.Initial.Voters);
                replicas.Add(replica.Id);
            }
        }

        Assert.Equal(3 * 8, replicas.Distinct().Count());

        var refused = await Assert.ThrowsAsync<GrainDbException>(
            () => cluster.Keyspaces(0).CreateAsync(wide with { Name = "wider", ReplicationFactor = 4 }, TestContext.Current.CancellationToken));
        Assert.Equal(ErrorCode.InvalidRequest, refused.Failure.Code);
        Assert.Equal("replicationFactor 4: region local has 3 active nodes, and each replica needs one of its own", refused.Message);
    }
}

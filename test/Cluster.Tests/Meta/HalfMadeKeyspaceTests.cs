using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Meta;

/// <summary>A keyspace whose creation or deletion was begun by a node that is gone.</summary>
public sealed class HalfMadeKeyspaceTests
{
    private static readonly KeyspaceDescriptor Half = new() { Name = "half", ReplicationFactor = 2 };

    [Fact]
    public async Task It_is_finished_also_while_the_first_bootstrap_node_is_down()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        await cluster.StopAsync(0);

        await BeginAsync(cluster.Service<MetaCache>(1));
        await cluster.UntilAsync(async () => (await cluster.Keyspaces(2).GetAsync("half", TestContext.Current.CancellationToken)) is not null);
        Assert.Null((await cluster.PutAsync(1, "half", "k", "v")).Failure);

        await BeginDeletingAsync(cluster.Service<MetaCache>(1));
        await cluster.UntilAsync(async () =>
            (await cluster.Service<MetaCache>(2).RefreshAsync(TestContext.Current.CancellationToken)).FindKeyspace("half") is null);
    }

    /// <summary>The first step of a creation, and no other.</summary>
    private static async Task BeginAsync(MetaCache meta)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(TestContext.Current.CancellationToken);
            var range = new RangeId(snapshot.Catalog.NextRangeId);
            var replicas = new[] { new ReplicaDescriptor("Silo_1", Guid.NewGuid()), new ReplicaDescriptor("Silo_2", Guid.NewGuid()) };
            if (await meta.TryChangeAsync(
                snapshot,
                snapshot.Catalog with { NextRangeId = range.Value + 1 },
                [RowOf(KeyspaceState.Creating), MetaChange.Put(MetaRows.RangeKey(range), new RangeDescriptor(range, "half", [], null, Generation: 1, replicas))],
                TestContext.Current.CancellationToken))
                return;
        }
    }

    /// <summary>The first step of a deletion.</summary>
    private static async Task BeginDeletingAsync(MetaCache meta)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(TestContext.Current.CancellationToken);
            if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, [RowOf(KeyspaceState.Deleting)], TestContext.Current.CancellationToken))
                return;
        }
    }

    private static MetaChange RowOf(KeyspaceState state) => MetaChange.Put(MetaRows.KeyspaceKey("half"), new KeyspaceRow(Half, state));
}

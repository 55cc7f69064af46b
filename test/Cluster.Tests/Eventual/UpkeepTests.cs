using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Eventual;
using GrainDb.Grains.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>What nodes do with eventual keyspaces by themselves.</summary>
public sealed class UpkeepTests : IDisposable
{
    private const int Broken = 2100;
    private const int Replacing = 2103;

    private readonly TestDirectory _directory = new();

    private static CancellationToken CancellationToken => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task The_keyspace_cache_is_created_once_also_in_a_database_of_before_and_stays_away_when_it_was_deleted()
    {
        await using var cluster = await StartAsync(new StorageOptions());
        var cache = await cluster.Keyspaces(0).GetAsync("cache", CancellationToken);
        Assert.Equal((KeyspaceFamily.Eventual, 32, ConflictPolicy.Siblings, 3), (cache!.Family, cache.Partitions, cache.Conflict, cache.ReplicationFactor));
        await cluster.Keyspaces(0).DeleteAsync("cache", CancellationToken);
        await cluster.UntilAsync(() => Task.FromResult(!cluster.Service<EventualHost>(1).Open.Any()));
        await cluster.StopAsync(0);
        await cluster.RestartAsync(0);
        Assert.Null(await cluster.Keyspaces(1).GetAsync("cache", CancellationToken));

        // As a version left it that knew nothing of such keyspaces.
        var meta = cluster.Service<MetaCache>(1);
        MetaSnapshot before;
        do
            before = await meta.RefreshAsync(CancellationToken);
        while (!await meta.TryChangeAsync(before, before.Catalog with { HadCache = false }, [], CancellationToken));
        await cluster.UntilAsync(async () => await FindCacheAsync(cluster) is not null);
        Assert.Null((await new EventualClient(cluster, "cache").PutAsync(1, "k", "v", EventualLevel.All)).Failure);
    }

    /// <summary>The meta range goes back to the node that was started again, and is led by nobody for a moment.</summary>
    private static async Task<KeyspaceDescriptor?> FindCacheAsync(GrainDbCluster cluster)
    {
        try
        {
            return await cluster.Keyspaces(2).GetAsync("cache", CancellationToken);
        }
        catch (GrainDbException exception) when (exception.Failure.Code == ErrorCode.Unavailable)
        {
            return null;
        }
    }

    [Fact]
    public async Task An_idle_replica_leaves_memory_and_has_everything_when_it_comes_back()
    {
        await using var cluster = await StartAsync(new StorageOptions { UnloadIdleAfter = TimeSpan.FromMilliseconds(300), MaintenanceInterval = TimeSpan.FromMilliseconds(50) });
        var client = await cluster.CreateEventualAsync("lazy", ConflictPolicy.Siblings);
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 20; i++)
                Assert.Null((await client.PutAsync(i % 3, $"k{i}-{round}", $"v{i}", EventualLevel.All)).Failure);
            await cluster.UntilAsync(() => Task.FromResult(Enumerable.Range(0, 3).All(node => !cluster.Service<EventualHost>(node).Open.Any())));
            Assert.All(await cluster.View(0).GetRangesAsync("lazy", unhealthyOnly: false, CancellationToken), range => Assert.All(range.Replicas, replica => Assert.Equal(ReplicaState.Idle, replica.State)));
            for (var i = 0; i < 20; i++)
                Assert.Equal([$"v{i}"], await client.ValuesAsync((i + 1) % 3, $"k{i}-{round}", EventualLevel.All));
        }
    }

    [Fact]
    public async Task A_damaged_replica_is_replaced_by_one_of_a_new_incarnation()
    {
        await using var cluster = await StartAsync(new StorageOptions());
        var client = await cluster.CreateEventualAsync("torn", ConflictPolicy.Siblings, partitions: 1);
        for (var i = 0; i < 100; i++)
            Assert.Null((await client.PutAsync(i % 3, $"k{i}", new string('x', 200), EventualLevel.All)).Failure);
        var before = (await cluster.View(0).GetRangesAsync("torn", unhealthyOnly: false, CancellationToken))[0].Descriptor;
        await cluster.StopAsync(2);
        await FlipABitAsync(before.Id);
        await cluster.RestartAsync(2);

        await cluster.UntilAgreedAsync("torn");
        var after = (await cluster.View(0).GetRangesAsync("torn", unhealthyOnly: false, CancellationToken))[0].Descriptor;
        Assert.Equal(before.Generation + 1, after.Generation);
        Assert.NotEqual(before.On("Silo_2")!.Id, after.On("Silo_2")!.Id);
        Assert.Equal(before.On("Silo_1"), after.On("Silo_1"));
        Assert.True(cluster.Service<EventLog>(2).Has(Broken) && cluster.Service<EventLog>(2).Has(Replacing));
        for (var i = 0; i < 100; i++)
            Assert.Single(await client.ValuesAsync(2, $"k{i}", EventualLevel.One));
    }

    [Fact]
    public async Task What_is_deleted_everywhere_is_forgotten_and_does_not_come_back()
    {
        var soon = EventualOptions.Default with { TombstoneAge = TimeSpan.FromSeconds(1), RoundInterval = TimeSpan.FromSeconds(1), CompareInterval = TimeSpan.FromSeconds(1) };
        await using var cluster = await StartAsync(new StorageOptions(), soon);
        var client = await cluster.CreateEventualAsync("short", ConflictPolicy.Siblings, partitions: 2);
        for (var i = 0; i < 40; i++)
            Assert.Null((await client.PutAsync(i % 3, $"k{i}", "v", EventualLevel.All)).Failure);
        for (var i = 0; i < 30; i++)
            Assert.Null((await client.DeleteAsync((i + 1) % 3, $"k{i}", EventualLevel.Quorum)).Failure);
        await cluster.UntilAsync(async () =>
            (await cluster.View(0).GetRangesAsync("short", unhealthyOnly: false, CancellationToken)).All(range => range.Replicas.All(replica => replica.Eventual is { Tombstones: 0, Epoch: > 0 })));
        await cluster.UntilAgreedAsync("short");
        Assert.Equal(10, (await cluster.View(0).GetRangesAsync("short", unhealthyOnly: false, CancellationToken)).Sum(range => range.Keys));
        for (var i = 0; i < 40; i++)
            Assert.Equal(i < 30 ? 0 : 1, (await client.ValuesAsync(i % 3, $"k{i}")).Length);
    }

    private Task<GrainDbCluster> StartAsync(StorageOptions storage, EventualOptions? eventual = null) =>
        GrainDbCluster.StartAsync(_directory, [1, 1, 1], storage, new Network(), buriesFast: false, (_, services) => services.AddSingleton(eventual ?? EventualOptions.Default));

    /// <summary>Without its checkpoint the log has to be read from the start.</summary>
    private async Task FlipABitAsync(RangeId range)
    {
        var directory = Path.Combine(_directory.Path, "Silo_2", "ranges", range.ToString());
        foreach (var checkpoint in Directory.GetFiles(directory, "*.ckpt"))
            File.Delete(checkpoint);
        var log = Directory.GetFiles(directory, "wal-*.log").Single();
        var bytes = await File.ReadAllBytesAsync(log, CancellationToken);
        bytes[10_000] ^= 1;
        await File.WriteAllBytesAsync(log, bytes, CancellationToken);
    }
}

using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>Eventual keyspaces through grains, on real files, with all nodes there.</summary>
public sealed class EventualKeysTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions());

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task What_one_node_wrote_another_reads_also_after_all_were_restarted()
    {
        var client = new EventualClient(_cluster, "cache");
        for (var i = 0; i < 100; i++)
        {
            var written = await client.PutAsync(i % 3, $"k{i}", $"v{i}");
            Assert.Null(written.Failure);
            Assert.False(written.Existed);
        }

        for (var i = 0; i < 100; i++)
            Assert.Equal([$"v{i}"], await client.ValuesAsync((i + 1) % 3, $"k{i}"));
        for (var node = 0; node < 3; node++)
            await _cluster.StopAsync(node);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_cluster.RestartAsync));
        for (var i = 0; i < 100; i++)
            Assert.Equal([$"v{i}"], await client.ValuesAsync((i + 2) % 3, $"k{i}"));
    }

    [Fact]
    public async Task A_keyspace_keeps_its_policy_and_is_only_itself()
    {
        var wanted = new KeyspaceDescriptor
        {
            Name = "carts",
            Family = KeyspaceFamily.Eventual,
            Partitioning = KeyspacePartitioning.Hash,
            Partitions = 4,
            Conflict = ConflictPolicy.LastWriterWins,
            Sloppy = true,
        };
        var cancellation = TestContext.Current.CancellationToken;
        Assert.True((await _cluster.Keyspaces(0).CreateAsync(wanted, cancellation)).Created);
        Assert.False((await _cluster.Keyspaces(1).CreateAsync(wanted, cancellation)).Created);
        var stored = await _cluster.Keyspaces(2).GetAsync("carts", cancellation);
        Assert.Equal((ConflictPolicy.LastWriterWins, true, 3), (stored!.Conflict, stored.Sloppy, stored.ReplicationFactor));
        foreach (var other in (KeyspaceDescriptor[])[wanted with { Conflict = ConflictPolicy.Siblings }, wanted with { Sloppy = false }, wanted with { Partitions = 8 }])
        {
            var refused = await Assert.ThrowsAsync<GrainDbException>(() => _cluster.Keyspaces(0).CreateAsync(other, cancellation));
            Assert.Equal(ErrorCode.KeyspaceExists, refused.Failure.Code);
        }

        Assert.Equal(ErrorCode.UnsupportedForFamily, (await _cluster.PutAsync(0, "carts", "k", "v")).Failure!.Code);
        Assert.Equal(ErrorCode.UnsupportedForFamily, (await new EventualClient(_cluster, "default").PutAsync(0, "k", "v")).Failure!.Code);
        Assert.Equal(ErrorCode.KeyspaceNotFound, (await new EventualClient(_cluster, "none").PutAsync(0, "k", "v")).Failure!.Code);
    }

    [Fact]
    public async Task Concurrent_values_stand_beside_each_other_until_a_write_that_has_seen_them()
    {
        var client = new EventualClient(_cluster, "cache");
        Assert.Null((await client.PutAsync(0, "k", "a", EventualLevel.All)).Failure);
        Assert.Null((await client.PutAsync(1, "k", "b", EventualLevel.All)).Failure);
        Assert.Equal(["a", "b"], await client.ValuesAsync(2, "k"));

        var context = (await client.GetAsync(2, "k")).Context;
        Assert.Null((await client.PutAsync(2, "k", "both", EventualLevel.All, context)).Failure);
        for (var node = 0; node < 3; node++)
            Assert.Equal(["both"], await client.ValuesAsync(node, "k", EventualLevel.One));
        var conflict = Assert.Single((await client.ConflictsAsync(0)).Conflicts);
        Assert.Equal(2, conflict.Losers.Count);

        Assert.Null((await client.DeleteAsync(0, "k", EventualLevel.All)).Failure);
        for (var node = 0; node < 3; node++)
            Assert.Empty(await client.ValuesAsync(node, "k", EventualLevel.One));
    }
}

using System.Text;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Ranges;

public sealed class RangeLifeTests
{
    private static readonly StorageOptions Impatient = new()
    {
        UnloadIdleAfter = TimeSpan.FromMilliseconds(200),
        MaintenanceInterval = TimeSpan.FromMilliseconds(20),
    };

    [Fact]
    public async Task An_idle_range_leaves_memory_and_comes_back_on_demand()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1], Impatient);
        var written = await cluster.PutAsync(0, "default", "k", "v");

        await cluster.UntilAsync(async () => (await StatusAsync(cluster, "default")).Replicas.Single().State == ReplicaState.Idle);

        var read = await cluster.GetAsync(0, "default", "k");
        Assert.Equal(written.Version, read.Version);
        Assert.Equal("v", Encoding.UTF8.GetString(read.Value.Span));
        Assert.Equal(ReplicaState.Member, (await StatusAsync(cluster, "default")).Replicas.Single().State);
    }

    [Fact]
    public async Task A_log_damaged_in_its_middle_breaks_its_range_alone()
    {
        using var directory = new TestDirectory();
        RangeId damaged;
        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1], new StorageOptions()))
        {
            await cluster.Keyspaces(0).CreateAsync(new KeyspaceDescriptor { Name = "other" }, TestContext.Current.CancellationToken);
            for (var i = 0; i < 200; i++)
            {
                await cluster.PutAsync(0, "default", $"k{i}", new string('x', 100));
                await cluster.PutAsync(0, "other", $"k{i}", "fine");
            }

            damaged = (await StatusAsync(cluster, "default")).Descriptor.Id;
        }

        // Without its checkpoint the log has to be read from the start; one bit in the middle of it is flipped.
        var range = Path.Combine(directory.Path, "Silo_0", "ranges", damaged.ToString());
        foreach (var checkpoint in Directory.GetFiles(range, "*.ckpt"))
            File.Delete(checkpoint);
        var log = Directory.GetFiles(range, "wal-*.log").Single();
        var bytes = await File.ReadAllBytesAsync(log, TestContext.Current.CancellationToken);
        bytes[10_000] ^= 1;
        await File.WriteAllBytesAsync(log, bytes, TestContext.Current.CancellationToken);

        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1], new StorageOptions()))
        {
            var refused = (await cluster.PutAsync(0, "default", "k", "v")).Failure!;
            Assert.Equal((ErrorCode.Corruption, Outcome.NotApplied), (refused.Code, refused.Outcome));
            Assert.Contains(Path.GetFileName(log), refused.Detail, StringComparison.Ordinal);
            Assert.Contains("offset", refused.Detail, StringComparison.Ordinal);
            var broken = Assert.Single(await cluster.View(0).GetRangesAsync(null, unhealthyOnly: true, TestContext.Current.CancellationToken));
            Assert.Equal(damaged, broken.Descriptor.Id);
            Assert.Equal(ReplicaState.Broken, broken.Replicas.Single().State);
            Assert.Equal("fine", Encoding.UTF8.GetString((await cluster.GetAsync(0, "other", "k199")).Value.Span));
        }
    }

    [Fact]
    public async Task A_lost_replica_directory_is_broken_and_not_empty()
    {
        using var directory = new TestDirectory();
        RangeId lost;
        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1], new StorageOptions()))
        {
            await cluster.PutAsync(0, "default", "k", "v");
            lost = (await StatusAsync(cluster, "default")).Descriptor.Id;
        }

        Directory.Delete(Path.Combine(directory.Path, "Silo_0", "ranges", lost.ToString()), recursive: true);

        await using (var cluster = await GrainDbCluster.StartAsync(directory, [1], new StorageOptions()))
        {
            var read = await cluster.GetAsync(0, "default", "k");
            Assert.Equal(ErrorCode.Corruption, read.Failure?.Code);
        }
    }

    [Fact]
    public async Task A_deleted_keyspace_takes_its_files_with_it_and_its_name_can_be_used_again()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1], new StorageOptions());
        var keyspace = new KeyspaceDescriptor { Name = "short", Partitioning = KeyspacePartitioning.Hash, Partitions = 8 };
        await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);
        for (var i = 0; i < 50; i++)
            await cluster.PutAsync(i % 2, "short", $"k{i}", "v");
        var before = Replicas(directory);
        var ranges = (await cluster.Service<MetaCache>(0).RefreshAsync(TestContext.Current.CancellationToken)).FindKeyspace("short")!.Ranges.Select(range => range.Id).ToHashSet();
        Assert.Contains(cluster.Service<LeaderRoutes>(0).Known.Concat(cluster.Service<LeaderRoutes>(1).Known), ranges.Contains);

        await cluster.Keyspaces(1).DeleteAsync("short", TestContext.Current.CancellationToken);

        Assert.Equal(ErrorCode.KeyspaceNotFound, (await cluster.GetAsync(1, "short", "k1")).Failure?.Code);
        await cluster.UntilAsync(() => Task.FromResult(Replicas(directory) == before - (2 * 8)));
        await cluster.UntilAsync(() => Task.FromResult(!cluster.Service<LeaderRoutes>(0).Known.Concat(cluster.Service<LeaderRoutes>(1).Known).Any(ranges.Contains)));
        await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);
        Assert.False((await cluster.GetAsync(0, "short", "k1")).Found);
    }

    /// <summary>A node whose view is old must not acknowledge writes into ranges that are about to be deleted.</summary>
    [Fact]
    public async Task What_is_acknowledged_after_a_keyspace_was_made_anew_stays_whoever_took_it()
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var keyspace = new KeyspaceDescriptor { Name = "again", Partitioning = KeyspacePartitioning.Hash, Partitions = 6 };
        var before = Replicas(directory);
        for (var round = 0; round < 5; round++)
        {
            await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);
            for (var i = 0; i < 12; i++)
                Assert.Null((await cluster.PutAsync(i % 3, "again", $"k{i}", "before")).Failure);
            await cluster.Keyspaces(0).DeleteAsync("again", TestContext.Current.CancellationToken);
            await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);
            var written = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => cluster.PutAsync(i % 3, "again", $"k{i}", $"round {round}")));
            Assert.All(written, result => Assert.Null(result.Failure));
            Assert.All(written, result => Assert.False(result.Existed, "the old keyspace's data shows through"));

            await cluster.UntilAsync(() => Task.FromResult(Replicas(directory) == before + (3 * 6)));
            for (var i = 0; i < 12; i++)
                Assert.Equal(written[i].Version, (await cluster.GetAsync((i + 1) % 3, "again", $"k{i}")).Version);
            await cluster.Keyspaces(1).DeleteAsync("again", TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Scans_cross_ranges_in_order_at_one_snapshot(bool reverse)
    {
        using var directory = new TestDirectory();
        await using var cluster = await GrainDbCluster.StartAsync(directory, [1, 1, 1], new StorageOptions());
        var keyspace = new KeyspaceDescriptor { Name = "cut", Partitions = 4, SplitKeys = ["b"u8.ToArray(), "c"u8.ToArray(), "d"u8.ToArray()] };
        await cluster.Keyspaces(0).CreateAsync(keyspace, TestContext.Current.CancellationToken);
        string[] keys = [.. "abcde".SelectMany(letter => Enumerable.Range(0, 10).Select(i => $"{letter}{i}"))];
        foreach (var key in keys)
            await cluster.PutAsync(0, "cut", key, "old");

        Assert.Equal(reverse ? keys.Reverse() : keys, await ScanAllAsync(cluster, reverse));
    }

    private static async Task<List<string>> ScanAllAsync(GrainDbCluster cluster, bool reverse)
    {
        var found = new List<string>();
        var query = new Interfaces.Keys.ScanQuery(default, null, default, Limit: 7, reverse, KeysOnly: false, ResumeKey: null);
        while (true)
        {
            var page = await cluster.Keys(1).ScanAsync("cut", query, ReadConsistency.Linearizable, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
            Assert.Null(page.Failure);
            Assert.All(page.Items, item => Assert.Equal("old", Encoding.UTF8.GetString(item.Value.Span)));
            found.AddRange(page.Items.Select(item => Encoding.UTF8.GetString(item.Key.Span)));
            if (page.ResumeKey is null)
                return found;

            // Writes between the pages are not seen by later ones.
            await cluster.PutAsync(0, "cut", $"{"abcde"[found.Count / 12]}9x{found.Count}", "new");
            query = query with { AsOf = page.ReadTimestamp, ResumeKey = page.ResumeKey };
        }
    }

    private static int Replicas(TestDirectory directory) =>
        Directory.GetDirectories(directory.Path, "Silo_*").Sum(node => Directory.GetDirectories(Path.Combine(node, "ranges")).Length);

    private static async Task<RangeStatus> StatusAsync(GrainDbCluster cluster, string keyspace) =>
        (await cluster.View(0).GetRangesAsync(keyspace, unhealthyOnly: false, TestContext.Current.CancellationToken)).Single();
}

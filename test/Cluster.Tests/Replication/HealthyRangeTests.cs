using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>A cluster of three for tests that leave it as they found it; each has a keyspace of its own.</summary>
public sealed class ThreeNodes : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();

    internal Network Network { get; } = new();

    internal GrainDbCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), Network, buriesFast: false);

    public async ValueTask DisposeAsync()
    {
        Network.Heal();
        await Cluster.DisposeAsync();
        _directory.Dispose();
    }
}

/// <summary>Three replicas at work while nothing is wrong, or only slow.</summary>
public sealed class HealthyRangeTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private readonly GrainDbCluster _cluster = nodes.Cluster;

    [Fact]
    public async Task A_write_is_on_a_majority_when_it_is_answered()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "majority");
        for (var i = 0; i < 30; i++)
        {
            Assert.Null((await _cluster.PutAsync(i % 3, range.Keyspace, $"k{i}", "v")).Failure);
            var lsns = range.Order.Select(node => range.Report(node)!.Lsn).ToList();
            Assert.True(lsns.Count(lsn => lsn == lsns.Max()) >= 2, $"write {i}: {string.Join(", ", lsns)}");
        }
    }

    [Fact]
    public async Task A_write_for_all_names_every_replica()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "all");
        var written = await PutAtAllAsync(range, _cluster.Keys(1));

        Assert.Null(written.Failure);
        Assert.Equal(["Silo_0", "Silo_1", "Silo_2"], written.Replicas.Select(vote => vote.Node).Order(StringComparer.Ordinal));
        Assert.All(written.Replicas, vote => Assert.Equal(ReplicaReply.Ok, vote.Reply));
        Assert.True(range.IsSettled() || range.Order.All(node => range.Report(node)!.Lsn >= written.Replicas.Min(vote => vote.Lsn)));
    }

    [Fact]
    public async Task Followers_serve_reads_that_allow_it()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "followers");
        var written = await _cluster.PutAsync(0, range.Keyspace, "k", "v");
        ReadConsistency[] levels =
        [
            new(ReadLevel.Session, default, written.Version, LocalOnly: true),
            new(ReadLevel.Bounded, TimeSpan.FromSeconds(20), default, LocalOnly: true),
            new(ReadLevel.Eventual, default, default, LocalOnly: true),
        ];
        foreach (var node in range.Order[1..])
        {
            // A session's read waits for what the session has seen; then the weaker ones see it here too.
            foreach (var level in levels)
            {
                ReadResult? read = null;
                await _cluster.UntilAsync(async () => (read = await _cluster.GetAsync(node, range.Keyspace, "k", consistency: level)).Failure is null);
                Assert.Equal((ReplicaRole.Follower, $"Silo_{node}"), (read!.ServedBy!.Role, read.ServedBy.Node));
                Assert.Equal(written.Version, read.Version);
                Assert.Equal("v", Encoding.UTF8.GetString(read.Value.Span));
                Assert.NotNull(read.Staleness);
            }
        }
    }

    [Fact]
    public async Task Leadership_goes_where_it_is_sent_and_the_order_says_so()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "sent");
        var load = new WriteLoad(_cluster, range.Keyspace, 0, 1, 2);
        foreach (var target in new[] { range.Order[2], range.Order[1] })
        {
            await load.ProgressAsync(5);
            await _cluster.View(0).TransferLeaderAsync(range.Id, $"Silo_{target}", TestContext.Current.CancellationToken);
            await _cluster.UntilAsync(() => Task.FromResult(range.Leads(target)));
            var status = await _cluster.View(1).GetRangeAsync(range.Id, TestContext.Current.CancellationToken);
            Assert.Equal($"Silo_{target}", status.Descriptor.Replicas[0].Node);
        }

        await load.ProgressAsync(5);
        await load.StopAsync();
        Assert.True(range.Leads(range.Order[1]), "it did not stay");
        Assert.Empty(load.Failed.Select(write => write.Result.Failure));
        await load.AssertTrueAsync(0);
    }

    private static async Task<WriteResult> PutAtAllAsync(WatchedRange range, Interfaces.Keys.IKeyValueStore keys) => await keys.WriteAsync(
        range.Keyspace,
        new KeyWrite("all"u8.ToArray(), WriteKind.Put, "v"u8.ToArray(), "text/plain", default, null),
        new WriteOptions(WriteLevel.All, null),
        GrainDbCluster.Timeout,
        TestContext.Current.CancellationToken);
}

using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>More nodes than replicas: requests through a node that has none, and nodes that stand in.</summary>
public sealed class FallbackTests : IAsyncLifetime
{
    private const int Keys = 60;

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Every_node_takes_requests_for_every_key_and_hints_count_where_the_keyspace_says_so()
    {
        var sloppy = new KeyspaceDescriptor { Name = "sloppy", Family = KeyspaceFamily.Eventual, Partitioning = KeyspacePartitioning.Hash, Partitions = 16, Sloppy = true };
        foreach (var wanted in (KeyspaceDescriptor[])[sloppy, sloppy with { Name = "strict", Sloppy = false }])
            await _cluster.Keyspaces(0).CreateAsync(wanted, TestContext.Current.CancellationToken);
        var client = new EventualClient(_cluster, "sloppy");
        var strict = new EventualClient(_cluster, "strict");
        for (var i = 0; i < Keys; i++)
        {
            Assert.Null((await client.PutAsync(i % 4, $"k{i}", "v", EventualLevel.All)).Failure);
            Assert.Equal(["v"], await client.ValuesAsync((i + 1) % 4, $"k{i}", EventualLevel.All));
        }

        _cluster.Crash(3);
        await _cluster.UntilAsync(() => Task.FromResult(!_cluster.Service<EventualTransport>(0).IsReachable("Silo_3") && !_cluster.Service<EventualTransport>(1).IsReachable("Silo_3")));
        var hinted = 0;
        for (var i = 0; i < Keys; i++)
        {
            var result = await client.PutAsync(i % 2, $"k{i}", "w", EventualLevel.All, (await client.GetAsync(i % 2, $"k{i}")).Context);
            Assert.Null(result.Failure);
            hinted += result.Replicas.Count(replica => replica.Reply == EventualReply.Hinted);
            if (result.Replicas.Any(replica => replica.Reply == EventualReply.Hinted))
                Assert.Equal(3, result.Replicas.Count);
        }

        Assert.True(hinted > 0);
        var refused = 0;
        for (var i = 0; i < Keys; i++)
        {
            var failure = (await strict.PutAsync(i % 2, $"k{i}", "v", EventualLevel.All)).Failure;
            Assert.True(failure is null or { Code: ErrorCode.Unavailable, Outcome: Outcome.NotApplied }, failure?.ToString());
            refused += failure is null ? 0 : 1;
        }

        Assert.True(refused > 0);
        Assert.Equal(hinted, Enumerable.Range(0, 3).Sum(node => _cluster.Service<NodeHints>(node).Store!.Count));
        await _cluster.RestartAsync(3);
        await _cluster.UntilAsync(() => Task.FromResult(Enumerable.Range(0, 3).All(node => _cluster.Service<NodeHints>(node).Store!.Count == 0)));
        await _cluster.UntilAgreedAsync("sloppy");
        for (var i = 0; i < Keys; i++)
            Assert.Equal(["w"], await client.ValuesAsync(3, $"k{i}", EventualLevel.One));
    }
}

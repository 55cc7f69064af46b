using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>Nodes that are killed or stopped while clients write.</summary>
public sealed class LostNodeTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await StartAsync();

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    private Task<GrainDbCluster> StartAsync() => GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    [Fact]
    public async Task A_killed_leader_takes_nothing_acknowledged_along_and_leads_again_when_it_is_back()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var (first, others) = (range.Order[0], range.Order[1..]);
        var load = new WriteLoad(_cluster, range.Keyspace, [.. others, .. others]);
        await load.ProgressAsync(20);

        _cluster.Crash(first);
        await load.ProgressAsync(20);
        Assert.Single(others, range.Leads);
        await load.AssertTrueAsync(others[0]);

        await _cluster.RestartAsync(first);
        await _cluster.UntilAsync(() => Task.FromResult(range.Leads(first)));
        await load.ProgressAsync(20);
        await load.StopAsync();
        await load.AssertTrueAsync(first);
        await _cluster.UntilAsync(() => Task.FromResult(range.IsSettled()));
        await range.AssertSameStateAsync(load.Acknowledged.Max(write => write.Result.Version), load.Acknowledged.Count);
    }

    [Fact]
    public async Task A_leader_that_is_stopped_fails_no_request_and_leads_again_when_it_is_back()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var (first, others) = (range.Order[0], range.Order[1..]);
        var load = new WriteLoad(_cluster, range.Keyspace, [.. others, .. others]);
        await load.ProgressAsync(20);

        await _cluster.StopAsync(first);
        await load.ProgressAsync(20);
        Assert.Single(others, range.Leads);

        await _cluster.RestartAsync(first);
        await _cluster.UntilAsync(() => Task.FromResult(range.Leads(first)));
        await load.ProgressAsync(20);
        await load.StopAsync();
        Assert.Empty(load.Failed.Select(write => write.Result.Failure));
        await load.AssertTrueAsync(first);
    }

    [Fact]
    public async Task All_nodes_killed_at_once_come_back_with_everything()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var load = new WriteLoad(_cluster, range.Keyspace, 0, 1, 2);
        await load.ProgressAsync(50);
        foreach (var node in range.Order)
            _cluster.CrashFiles(node);
        await load.StopAsync();
        await _cluster.DisposeAsync();

        _cluster = await StartAsync();
        var after = await WatchedRange.FindAsync(_cluster, "default");
        Assert.Equal(range.Id, after.Id);
        await load.AssertTrueAsync(_cluster, node: 1);
        await _cluster.UntilAsync(() => Task.FromResult(after.IsSettled()));
        await after.AssertSameStateAsync(load.Acknowledged.Max(write => write.Result.Version), load.Acknowledged.Count);
    }
}

using System.Diagnostics;
using System.Text;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Cluster.Tests.Replication;
using GrainDb.Cluster.Tests.Transactions;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Changes;

/// <summary>Change feeds of real silos.</summary>
public sealed class ChangeFeedTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_reader_that_comes_and_goes_gets_every_acknowledged_version_once_while_leaders_move_and_a_node_is_killed()
    {
        await CreateAsync("busy", KeyspacePartitioning.Hash, partitions: 4);
        await using var reader = new RestartingReader(_cluster, node: 0, "busy");
        var load = new WriteLoad(_cluster, "busy", 0, 0, 1);
        await load.ProgressAsync(20);
        await reader.UntilAsync(load.Acknowledged[^1].Result.Version);

        foreach (var range in await RangesAsync("busy"))
        {
            var heir = range.Nodes.First(node => node != "Silo_2" && node != LeaderOf(range.Id));
            await _cluster.View(0).TransferLeaderAsync(range.Id, heir, Token);
            await load.ProgressAsync(5);
        }

        _cluster.Crash(2);
        await load.ProgressAsync(20);
        await _cluster.RestartAsync(2);
        await load.ProgressAsync(20);
        await load.StopAsync();

        await reader.UntilAsync(load.Acknowledged.Max(write => write.Result.Version));
        await reader.StopAsync();
        Assert.True(reader.Restarts > 3, $"only {reader.Restarts} restarts");
        Assert.True(reader.Repeated > 0, "nothing was read twice");
        var found = reader.Changes.ToDictionary(change => Encoding.UTF8.GetString(change.Key.Span), change => change.Version);
        Assert.Equal(reader.Changes.Count, found.Count); // every key is written once
        Assert.All(load.Acknowledged, write => Assert.Equal(write.Result.Version, found.GetValueOrDefault(write.Key)));
        Assert.All(load.Failed.Where(write => write.Result.Failure!.Outcome == Outcome.NotApplied), write => Assert.False(found.ContainsKey(write.Key)));
    }

    [Fact]
    public async Task A_leader_moves_though_somebody_elsewhere_waits_for_its_changes()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "quiet");
        var (first, second, other) = (range.Order[0], range.Order[1], range.Order[2]);
        await using var stream = await OpenAsync(other, "quiet", from: null);
        var next = stream.NextAsync(TimeSpan.FromMinutes(1), Token).AsTask();
        await _cluster.UntilAsync(() => Task.FromResult(range.LeaderOn(first)?.Watchers > 0));

        var moving = Stopwatch.StartNew();
        await _cluster.View(0).TransferLeaderAsync(range.Id, $"Silo_{second}", Token);
        await _cluster.UntilAsync(() => Task.FromResult(range.Leads(second)));
        Assert.True(moving.Elapsed < ChangeLimits.MaxRangeWait / 2, $"it took {moving.Elapsed}");

        var version = (await _cluster.PutAsync(0, "quiet", "k", "v")).Version;
        Assert.Equal([version], (await next).Changes.Select(change => change.Version));
    }

    [Fact]
    public async Task Nobody_waits_at_a_leader_for_a_reader_elsewhere_that_has_left()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "left");
        var (first, other) = (range.Order[0], range.Order[2]);
        var stream = await OpenAsync(other, "left", from: null);
        await _cluster.UntilAsync(() => Task.FromResult(range.LeaderOn(first)?.Watchers > 0));

        var leaving = Stopwatch.StartNew();
        await stream.DisposeAsync();
        await _cluster.UntilAsync(() => Task.FromResult(range.LeaderOn(first)?.Watchers == 0));
        Assert.True(leaving.Elapsed < ChangeLimits.MaxRangeWait / 2, $"it took {leaving.Elapsed}");
    }

    [Fact]
    public async Task A_cursor_at_the_threshold_is_served_one_below_is_gone_and_one_of_the_future_is_refused()
    {
        var range = await WatchedRange.CreateAsync(_cluster, "old");
        var threshold = (await _cluster.PutAsync(0, "old", "k", "1")).Version;
        var after = (await _cluster.PutAsync(0, "old", "k", "2")).Version;
        Assert.Equal(threshold, await range.LeaderOn(range.Order[0])!.RaiseGcThresholdAsync(threshold));

        await using (var stream = await OpenAsync(0, "old", threshold))
            Assert.Equal([(after, threshold)], (await stream.NextAsync(TimeSpan.FromSeconds(10), Token)).Changes.Select(change => (change.Version, change.Previous)));
        Assert.Equal(ErrorCode.CursorCompacted, (await RefusedAsync("old", threshold.Previous)).Code);
        Assert.Equal(ErrorCode.InvalidRequest, (await RefusedAsync("old", after.Add(TimeSpan.FromMinutes(1)))).Code);
    }

    [Fact]
    public async Task A_keyspace_of_the_same_name_does_not_go_on_with_the_feed_of_the_one_before()
    {
        await CreateAsync("again", KeyspacePartitioning.Range, partitions: 1);
        await _cluster.PutAsync(0, "again", "k", "1");
        FeedPosition position;
        await using (var stream = await OpenAsync(0, "again", from: null))
            position = stream.Position;

        await _cluster.Keyspaces(0).DeleteAsync("again", Token);
        await CreateAsync("again", KeyspacePartitioning.Range, partitions: 1);

        var opening = await Feed(0).OpenAsync(new("again", default, position, IsConnected: false), GrainDbCluster.Timeout, Token);
        Assert.Equal(ErrorCode.CursorCompacted, opening.Failure!.Code);
    }

    [Fact]
    public async Task A_prefix_of_a_hash_partitioned_keyspace_is_followed_over_all_its_ranges()
    {
        await CreateAsync("spread", KeyspacePartitioning.Hash, partitions: 4);
        await using var stream = await OpenAsync(1, "spread", from: null, prefix: "in/");
        var written = new List<(string, Timestamp)>();
        for (var i = 0; i < 20; i++)
        {
            await _cluster.PutAsync(i % 3, "spread", $"out/{i}", "v");
            written.Add(($"in/{i}", (await _cluster.PutAsync(i % 3, "spread", $"in/{i}", "v")).Version));
        }

        var read = new List<(string, Timestamp)>();
        while (read.Count < written.Count)
            read.AddRange((await stream.NextAsync(TimeSpan.FromSeconds(10), Token)).Changes.Select(change => (Encoding.UTF8.GetString(change.Key.Span), change.Version)));

        Assert.Equal(written.OrderBy(change => change.Item2), read);
    }

    [Fact]
    public async Task The_writes_of_a_transaction_over_several_ranges_come_together_and_those_of_an_aborted_one_never()
    {
        var client = await TransactionClient.CreateAsync(_cluster, "together");
        await using var stream = await OpenAsync(1, "together", from: null);
        var running = Enumerable.Range(0, 3).Select(node => Task.Run(() => TransactAsync(client, node))).ToArray();
        var committed = (await Task.WhenAll(running)).SelectMany(results => results).ToDictionary(result => result.Transaction, result => result.CommitTimestamp);

        var read = new List<FeedChange>();
        while (read.Count < 3 * committed.Count || stream.Position.CompleteUpTo < committed.Values.Max())
            read.AddRange((await stream.NextAsync(TimeSpan.FromSeconds(10), Token)).Changes);

        // The order is by version and then by key; two transactions may have one timestamp, drawn by different ranges.
        Assert.Equal(read.OrderBy(change => change.Version).ThenBy(KeyOf, StringComparer.Ordinal), read);
        Assert.Equal(committed.Count, read.Select(change => change.Transaction).Distinct().Count());
        foreach (var writes in read.GroupBy(change => change.Transaction))
        {
            Assert.Equal(["a", "k", "x"], writes.Select(change => KeyOf(change)[..1]));
            Assert.All(writes, change => Assert.Equal(committed[writes.Key], change.Version));
        }
    }

    private static string KeyOf(FeedChange change) => Encoding.UTF8.GetString(change.Key.Span);

    /// <summary>Writes one key in each of the three ranges, again and again; every second time a check keeps it from happening.</summary>
    private static async Task<List<TransactResult>> TransactAsync(TransactionClient client, int node)
    {
        var committed = new List<TransactResult>();
        for (var i = 0; i < 20; i++)
        {
            var result = await client.TransactAsync(node, new TransactRequest
            {
                Checks = i % 2 == 0 ? [] : [client.Check($"a-{node}", CheckKind.ValueEquals, "never")],
                Writes = [client.Write($"a-{node}", $"{i}"), client.Write($"k-{node}", $"{i}"), client.Write($"x-{node}", $"{i}")],
            });
            Assert.Null(result.Failure);
            if (result.Committed)
                committed.Add(result);
        }

        return committed;
    }

    private IChangeFeed Feed(int node) => _cluster.Service<IChangeFeed>(node);

    private async Task CreateAsync(string keyspace, KeyspacePartitioning partitioning, int partitions) => await _cluster.Keyspaces(0).CreateAsync(
        new KeyspaceDescriptor { Name = keyspace, Partitioning = partitioning, Partitions = partitions }, Token);

    private async Task<IReadOnlyList<RangeDescriptor>> RangesAsync(string keyspace) =>
        (await _cluster.Service<MetaCache>(0).RefreshAsync(Token)).FindKeyspace(keyspace)!.Ranges;

    private string? LeaderOf(RangeId range) =>
        Enumerable.Range(0, 3).Where(node => _cluster.Service<LocalRanges>(node).Find(range) is not null).Select(node => $"Silo_{node}").FirstOrDefault();

    private async Task<IChangeStream> OpenAsync(int node, string keyspace, Timestamp? from, string prefix = "")
    {
        var opening = await Feed(node).OpenAsync(
            new(keyspace, Encoding.UTF8.GetBytes(prefix), from is { } after ? new FeedPosition(after, 0, 0) : null, IsConnected: true), GrainDbCluster.Timeout, Token);
        Assert.Null(opening.Failure);
        return opening.Stream!;
    }

    private async Task<Failure> RefusedAsync(string keyspace, Timestamp from) =>
        (await Feed(1).OpenAsync(new(keyspace, default, new FeedPosition(from, 0, 0), IsConnected: true), GrainDbCluster.Timeout, Token)).Failure!;
}

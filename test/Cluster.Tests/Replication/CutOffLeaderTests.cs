using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Ranges;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>Two leaders of one range at once, by cuts and by force: epochs and leases decide, not who was activated.</summary>
public sealed class CutOffLeaderTests : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    private async Task StartAsync(bool buriesFast) =>
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_leader_that_nobody_hears_takes_nothing_and_reads_nothing_once_its_lease_ran_out()
    {
        await StartAsync(buriesFast: true);
        var range = await WatchedRange.CreateAsync(_cluster, "cut");
        var (first, others) = (range.Order[0], range.Order[1..]);
        var old = range.LeaderOn(first)!;
        var before = await PutAsync(range, old, "before");
        var writtenElsewhere = false;
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(async () =>
        {
            // Whatever the old leader still answers must have been asked before anybody else could write.
            var stale = 0;
            while (!stop.IsCancellationRequested)
            {
                var asked = Volatile.Read(ref writtenElsewhere);
                var read = await ReadAsync(range, old);
                if (asked && read.Failure is null && read.Version == before.Version)
                    stale++;
                await Task.Delay(TimeSpan.FromMilliseconds(1), CancellationToken.None);
            }

            return stale;
        });

        _network.Isolate($"Silo_{first}", _cluster.Silos.Keys, CutKind.BlackHole);
        _network.CutFromTable($"Silo_{first}");
        await _cluster.UntilAsync(() => Task.FromResult(!old.HasLease));
        var refused = await PutAsync(range, old, "lost");
        Assert.NotNull(refused.Failure);
        Assert.NotNull((await ReadAsync(range, old)).Failure);

        // The others go on by themselves, and nothing of the old leader shows.
        WriteResult? written = null;
        await _cluster.UntilAsync(async () => (written = await _cluster.PutAsync(others[0], range.Keyspace, "key", "after")).Failure is null);
        Volatile.Write(ref writtenElsewhere, true);
        Assert.Equal(written!.Version, (await _cluster.GetAsync(others[1], range.Keyspace, "key")).Version);
        Assert.NotNull((await PutAsync(range, old, "lost again")).Failure);
        await stop.CancelAsync();
        Assert.Equal(0, await reading);

        // It was declared dead, and a silo that learns that ends its process; it begins anew.
        _cluster.Crash(first);
        await _cluster.RestartAsync(first);
        await _cluster.UntilAsync(() => Task.FromResult(range.Leads(first) && range.IsSettled()));
        Assert.DoesNotContain(others, range.Leads);
        Assert.Equal(written.Version, (await _cluster.GetAsync(first, range.Keyspace, "key")).Version);
        await range.AssertSameStateAsync(written.Version, atLeast: 2);
    }

    [Fact]
    public async Task Another_node_leads_long_before_one_that_nobody_hears_is_declared_dead()
    {
        await StartAsync(buriesFast: false);
        var range = await WatchedRange.CreateAsync(_cluster, "silent");
        var (first, others) = (range.Order[0], range.Order[1..]);
        Assert.Null((await _cluster.PutAsync(others[0], range.Keyspace, "key", "before")).Failure);

        _network.Isolate($"Silo_{first}", _cluster.Silos.Keys, CutKind.BlackHole);

        // The grain directory names the silent node all the time; a call that goes there finds no end before its deadline.
        await _cluster.UntilAsync(() => Task.FromResult(others.Any(range.Leads)));
        foreach (var node in others)
        {
            Assert.Null((await _cluster.PutAsync(node, range.Keyspace, "key", "after")).Failure);
            Assert.NotNull(_cluster.Service<LiveNodes>(node).Find($"Silo_{first}"));
        }
    }

    [Fact]
    public async Task Of_two_leaders_one_is_heard_and_the_other_follows_when_it_hears_of_it()
    {
        await StartAsync(buriesFast: false);
        var range = await WatchedRange.CreateAsync(_cluster, "two");
        var (first, second, third) = (range.Order[0], range.Order[1], range.Order[2]);
        var old = range.LeaderOn(first)!;
        var version = (await PutAsync(range, old, "before")).Version;
        _network.Cut($"Silo_{first}", $"Silo_{second}", CutKind.BlackHole);
        _network.Cut($"Silo_{first}", $"Silo_{third}", CutKind.BlackHole);

        // The third may have stood by itself first.
        var (elected, _, _) = await range.Host(second).LeadAsync(range.Descriptor, KeyspacePartitioning.Range, activation: null!);
        await _cluster.UntilAsync(() => Task.FromResult((elected ?? range.LeaderOn(second) ?? range.LeaderOn(third)) is not null));
        var fresh = elected ?? range.LeaderOn(second) ?? range.LeaderOn(third)!;
        Assert.True(fresh.Epoch > old.Epoch);
        Assert.False(old.IsStopped, "there are two leaders now");
        var results = await Task.WhenAll(PutAsync(range, old, "of the old one", version), PutAsync(range, fresh, "of the fresh one", version));
        Assert.NotNull(results[0].Failure);
        Assert.Null(results[1].Failure);

        _network.Heal();
        await old.Ended.WaitAsync(GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.NotNull((await ReadAsync(range, old)).Failure);
        await _cluster.UntilAsync(() => Task.FromResult(range.IsSettled()));
        var read = (await range.StateOnAsync(first, results[1].Version)).Single(item => item.Key.Span.SequenceEqual("key"u8));
        Assert.Equal(results[1].Version, read.Version);
    }

    /// <summary>Three nodes are made to stand at once, again and again. Each version has at most one successor, whoever leads.</summary>
    [Fact]
    public async Task Of_leaders_by_force_one_at_most_gets_a_write_committed()
    {
        await StartAsync(buriesFast: false);
        var range = await WatchedRange.CreateAsync(_cluster, "force");
        var version = (await PutAsync(range, range.LeaderOn(range.Order[0])!, "0")).Version;
        for (var round = 0; round < 5; round++)
        {
            foreach (var node in range.Order)
            {
                await range.ReleaseAsync(node);
            }

            var standing = range.Order.Select(node => range.Host(node).LeadAsync(range.Descriptor, KeyspacePartitioning.Range, activation: null!)).ToList();
            WriteResult? won = null;
            await _cluster.UntilAsync(async () =>
            {
                var attempts = await Task.WhenAll(range.Order.Select(range.LeaderOn).OfType<RangeLeader>().Select(leader => PutAsync(range, leader, "next", version)));
                Assert.DoesNotContain(attempts, attempt => attempt.Failure is { Code: ErrorCode.Corruption or ErrorCode.Internal });
                var winners = attempts.Where(attempt => attempt.Failure is null).ToList();
                Assert.True(winners.Count <= 1, "two writes follow the same version");
                won = winners.FirstOrDefault();

                // One whose outcome was unknown may have happened after all.
                return won is not null || attempts.Any(attempt => attempt.Failure is { Code: ErrorCode.VersionMismatch });
            });
            await Task.WhenAll(standing);
            version = won?.Version ?? (await _cluster.GetAsync(0, range.Keyspace, "key")).Version;
        }

        Assert.Equal(version, (await _cluster.GetAsync(1, range.Keyspace, "key")).Version);
    }

    private static async Task<WriteResult> PutAsync(WatchedRange range, RangeLeader leader, string value, Timestamp expected = default)
    {
        var condition = expected.IsZero ? default : new WriteCondition(ConditionKind.VersionEquals, expected);
        return await leader.WriteAsync(new RangeWrite(
            [new KeyWrite("key"u8.ToArray(), WriteKind.Put, System.Text.Encoding.UTF8.GetBytes(value), "text/plain", condition, null)], range.Descriptor.Generation));
    }

    private static async Task<ReadResult> ReadAsync(WatchedRange range, RangeLeader leader) =>
        await leader.ReadAsync(new RangeRead("key"u8.ToArray(), default, range.Descriptor.Generation));
}

using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>Replicas whose files are damaged or gone come back from their peers, and say nothing that they may have forgotten.</summary>
public sealed class DamagedReplicaTests : IAsyncLifetime
{
    private const int PutAside = 1005;

    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() =>
        _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: false);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_damaged_log_is_filled_again_and_does_not_vote_before_a_quorum_without_it_has_spoken()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var (leader, healthy, damaged) = (range.Order[0], range.Order[1], range.Order[2]);
        for (var i = 0; i < 200; i++)
            Assert.Null((await _cluster.PutAsync(leader, range.Keyspace, $"k{i}", new string('x', 100))).Failure);
        await _cluster.StopAsync(damaged);
        await FlipABitAsync(damaged, range.Id);
        _network.Cut($"Silo_{leader}", $"Silo_{healthy}", CutKind.BlackHole);
        await _cluster.StartAgainAsync(damaged);

        // The leader and a replica that may have forgotten something are no quorum, however much of the log that one holds.
        await _cluster.UntilAsync(() => Task.FromResult(range.Report(damaged) is { State: ReplicaState.Recovering } report && report.Lsn >= range.Report(leader)!.Lsn));
        Assert.True(_cluster.Service<EventLog>(damaged).Has(PutAside, $"range {range.Id}"));
        await _cluster.UntilAsync(() => Task.FromResult(range.LeaderOn(leader) is not { HasLease: true }));
        Assert.Equal(ReplicaState.Recovering, range.Report(damaged)!.State);

        _network.Heal();
        await _cluster.UntilAsync(() => Task.FromResult(range.Order.Any(range.Leads) && range.IsSettled()));
        WriteResult? written = null;
        await _cluster.UntilAsync(async () => (written = await _cluster.PutAsync(leader, range.Keyspace, "after", "v")).Failure is null);
        await _cluster.UntilAsync(() => Task.FromResult(range.IsSettled()));
        await range.AssertSameStateAsync(written!.Version, atLeast: 201);
    }

    /// <summary>Their logs are whole; whoever threw them away would leave one copy, and no quorum for ever.</summary>
    [Fact]
    public async Task Two_followers_whose_disks_fail_at_once_go_on_with_what_they_have()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var (leader, followers) = (range.Order[0], range.Order[1..]);
        Assert.Null((await _cluster.PutAsync(leader, range.Keyspace, "k", "before")).Failure);
        foreach (var follower in followers)
            _cluster.FailWrites(follower, fail: true);
        var writing = _cluster.PutAsync(leader, range.Keyspace, "k", "meanwhile");
        await _cluster.UntilAsync(() => Task.FromResult(Array.TrueForAll(followers, follower => range.Report(follower)!.State == ReplicaState.Broken)));

        foreach (var follower in followers)
            _cluster.FailWrites(follower, fail: false);
        WriteResult? written = null;
        await _cluster.UntilAsync(async () => (written = await _cluster.PutAsync(leader, range.Keyspace, "after", "v")).Failure is null);
        await writing;
        await _cluster.UntilAsync(() => Task.FromResult(range.IsSettled()));

        Assert.All(followers, follower => Assert.False(_cluster.Service<EventLog>(follower).Has(PutAside, "range")));
        await range.AssertSameStateAsync(written!.Version, atLeast: 3);
    }

    /// <summary>A leader that was paused in the middle of replacing a lost replica goes on with a plan that its successor has long changed.</summary>
    [Fact]
    public async Task A_replica_that_follows_a_newer_leader_is_not_removed_by_an_older_one_also_while_it_is_broken()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var follower = range.Order[2];
        var report = range.Report(follower)!;
        var older = new Epoch(report.Epoch.Value - 1);

        var refused = await range.Host(follower).RemoveReplicaAsync(range.Id, report.Replica, older);
        _cluster.FailWrites(follower, fail: true);
        var writing = _cluster.PutAsync(range.Order[0], range.Keyspace, "k", "v");
        await _cluster.UntilAsync(() => Task.FromResult(range.Report(follower)!.State == ReplicaState.Broken));
        var refusedBroken = await range.Host(follower).RemoveReplicaAsync(range.Id, report.Replica, older);
        _cluster.FailWrites(follower, fail: false);

        Assert.Null((await writing).Failure);
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refusedBroken!.Code, refusedBroken.Outcome));
        Assert.Equal(report.Replica, _cluster.Service<NodeStorage>(follower).FindReplica(range.Id)?.Id);
        await _cluster.UntilAsync(() => Task.FromResult(range.IsSettled()));
        Assert.Null(await range.Host(follower).RemoveReplicaAsync(range.Id, report.Replica, report.Epoch));
        Assert.NotEqual(report.Replica, _cluster.Service<NodeStorage>(follower).FindReplica(range.Id)?.Id);
    }

    [Fact]
    public async Task A_replica_that_turns_to_a_newer_leader_while_its_removal_waits_is_not_removed()
    {
        var range = await WatchedRange.FindAsync(_cluster, "default");
        var follower = range.Order[2];
        var report = range.Report(follower)!;
        var slot = range.Host(follower).Open.Single(open => open.Range == range.Id).Slot;
        var acceptor = slot.Acceptor!;

        await slot.Turn.WaitAsync(TestContext.Current.CancellationToken);
        var removing = range.Host(follower).RemoveReplicaAsync(range.Id, report.Replica, report.Epoch);
        await _cluster.UntilAsync(() => Task.FromResult(slot.Checkpoints.IsEnding)); // it was not refused, and waits for its turn
        acceptor.Replica.WritePromise(acceptor.Replica.Promise with { PromisedEpoch = new Epoch(report.Epoch.Value + 1) });
        slot.Turn.Release();

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), ((await removing)!.Code, (await removing)!.Outcome));
        Assert.Equal(report.Replica, _cluster.Service<NodeStorage>(follower).FindReplica(range.Id)?.Id);
        WriteResult? written = null;
        await _cluster.UntilAsync(async () => (written = await _cluster.PutAsync(range.Order[0], range.Keyspace, "after", "v")).Failure is null);
        await range.UntilWholeAsync();
        await range.AssertSameStateAsync(written!.Version, atLeast: 2);
    }

    /// <summary>The first bootstrap node, of all nodes: with its disk it forgot that there is a database, and must not make another.</summary>
    [Fact]
    public async Task A_node_whose_data_are_gone_gets_other_replicas_and_the_rows_follow()
    {
        const int Wiped = 0;
        var range = await WatchedRange.FindAsync(_cluster, "default");
        for (var i = 0; i < 50; i++)
            Assert.Null((await _cluster.PutAsync(1, range.Keyspace, $"k{i}", "v")).Failure);
        var database = _cluster.Service<NodeStorage>(1).Identity.DatabaseId;
        var lost = (Range: range.Report(Wiped)!.Replica, Meta: _cluster.Service<NodeStorage>(Wiped).FindReplica(RangeId.Meta)!.Id);
        await _cluster.StopAsync(Wiped);
        Directory.Delete(Path.Combine(_directory.Path, $"Silo_{Wiped}"), recursive: true);

        await _cluster.RestartAsync(Wiped);
        Assert.Equal(database, _cluster.Service<NodeStorage>(Wiped).Identity.DatabaseId);
        await _cluster.UntilAsync(async () => await LookAsync(1) is { } meta && IsReplaced(meta.FindRange(range.Id)!, lost.Range) && IsReplaced(meta.FindRange(RangeId.Meta)!, lost.Meta));

        // What the rows say is what the logs say, and each node remembers where the meta range is now.
        MetaSnapshot rows = null!;
        await _cluster.UntilAsync(async () => await LookAsync(2) is { } meta && (rows = meta) is not null);
        await range.UntilWholeAsync();
        Assert.Equal(rows.FindRange(range.Id)!.Replicas.ToHashSet(), range.Report(1)!.Configuration!.Voters.ToHashSet());
        Assert.Equal(rows.FindRange(range.Id)!.On($"Silo_{Wiped}")!.Id, range.Report(Wiped)!.Replica);
        await _cluster.UntilAsync(() => Task.FromResult(Enumerable.Range(0, 3).All(node => IsReplaced(_cluster.Service<NodeStorage>(node).MetaRange, lost.Meta))));
        WriteResult? written = null;
        await _cluster.UntilAsync(async () => (written = await _cluster.PutAsync(Wiped, range.Keyspace, "after", "v")).Failure is null);
        await range.AssertSameStateAsync(written!.Version, atLeast: 51);
    }

    /// <summary>A new view of the meta range; null while nobody leads it.</summary>
    private async Task<MetaSnapshot?> LookAsync(int node)
    {
        try
        {
            return await _cluster.Service<MetaCache>(node).RefreshAsync(TestContext.Current.CancellationToken);
        }
        catch (GrainDbException)
        {
            return null;
        }
    }

    private static bool IsReplaced(RangeDescriptor row, Guid lost) => row.Replicas.Length == 3 && Array.TrueForAll(row.Replicas, replica => replica.Id != lost && replica.Id != Guid.Empty);

    /// <summary>Without its checkpoint the log has to be read from the start.</summary>
    private async Task FlipABitAsync(int node, RangeId range)
    {
        var directory = Path.Combine(_directory.Path, $"Silo_{node}", "ranges", range.ToString());
        foreach (var checkpoint in Directory.GetFiles(directory, "*.ckpt"))
            File.Delete(checkpoint);
        var log = Directory.GetFiles(directory, "wal-*.log").Single();
        var bytes = await File.ReadAllBytesAsync(log, TestContext.Current.CancellationToken);
        bytes[10_000] ^= 1;
        await File.WriteAllBytesAsync(log, bytes, TestContext.Current.CancellationToken);
    }
}

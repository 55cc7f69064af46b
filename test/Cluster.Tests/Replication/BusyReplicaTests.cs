using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Replication;

/// <summary>Leases of all ranges of two nodes hang on calls that carry the heartbeats of many: a replica that takes long must not take the others' leases away.</summary>
public sealed class BusyReplicaTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() =>
        _cluster = await GrainDbCluster.StartAsync(_directory, [1], new StorageOptions(), new Network(), buriesFast: false);

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_heartbeat_of_one_that_is_busy_holds_up_none_of_the_others()
    {
        var (busy, idle) = (await WatchedRange.CreateAsync(_cluster, "busy"), await WatchedRange.FindAsync(_cluster, "default"));
        using var disk = _cluster.HangFiles(0, busy.Id);
        var writing = _cluster.PutAsync(0, busy.Keyspace, "k", "v"); // its sync keeps the replica's turn
        var calls = _cluster.Service<AcceptorCalls>(0);
        AppendAnswer[] answers = [];
        try
        {
            await _cluster.UntilAsync(async () =>
            {
                answers = await Task.Run(() => calls.Heartbeat([HeartbeatOf(busy), HeartbeatOf(idle)])).WaitAsync(TimeSpan.FromSeconds(10));
                return answers[0].Outcome != AppendOutcome.Accepted;
            });
        }
        finally
        {
            disk.Set();
        }

        Assert.Equal((AppendOutcome.Unable, AppendOutcome.Accepted), (answers[0].Outcome, answers[1].Outcome));
        await writing;
        Assert.Equal(AppendOutcome.Accepted, calls.Heartbeat([HeartbeatOf(busy)])[0].Outcome);
    }

    /// <summary>What its own leader might send to it.</summary>
    private RangeHeartbeat HeartbeatOf(WatchedRange range)
    {
        var replica = range.Host(0).FindOpen(range.Id)!;
        var promise = replica.Replica.Promise;
        return new RangeHeartbeat(range.Id, new AppendRequest
        {
            Replica = replica.Id,
            Epoch = promise.PromisedEpoch,
            Leader = new Candidate(promise.PromisedNode, promise.PromisedNonce),
            PrevLsn = new Lsn(1),
            PrevEpoch = promise.PromisedEpoch,
        });
    }
}

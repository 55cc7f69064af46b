using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Replication;

/// <summary>What becomes of a replica whose disk failed, or damaged its log.</summary>
public sealed class DamagedReplicaTests
{
    [Fact]
    public void What_was_put_aside_goes_when_the_replica_votes_again_and_not_before()
    {
        var trio = new ReplicaTrio();
        Lead(trio, "node1");
        trio.Kill("node3");
        var disk = trio.Disks["node3"];
        disk.FlipBit(disk.ListFiles("/range").Where(file => file.StartsWith("wal-", StringComparison.Ordinal)).Select(file => $"/range/{file}").First(), 100, 1);
        Assert.True(ReplicaFiles.TryDiscardDamaged(ReplicaTrio.OptionsOf("node3"), disk));
        trio.Open("node3");
        trio.Heal();
        trio.Isolate("node2"); // the leader finds no quorum without the replica that may have forgotten something
        trio.Pass(1000);
        Assert.True(trio.Replicas["node3"].IsRecovering);
        Assert.Equal(trio.Replicas["node1"].Replica.GetFigures().LastLsn, trio.Replicas["node3"].Replica.GetFigures().LastLsn);
        Assert.NotEmpty(Aside(disk));

        trio.Heal();
        trio.Pass(1000);

        Assert.False(trio.Replicas["node3"].IsRecovering);
        Assert.Empty(Aside(disk));
    }

    [Fact]
    public void Two_whose_disks_fail_at_once_have_everything_when_they_are_opened_again_and_vote()
    {
        var trio = new ReplicaTrio();
        var leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("k", "v"))).Failure);
        trio.Pass(500);
        string[] failing = ["node2", "node3"];
        foreach (var node in failing)
            trio.Disks[node].Faults = operation => operation.Kind == DiskOperationKind.SyncFile ? DiskFault.InputOutput : DiskFault.None;
        var undecided = trio.Begin(leader, RangeRig.Put("k", "w"));
        trio.Pass(1500);
        Assert.False(undecided.IsCompleted);
        Assert.All(failing, node => Assert.NotNull(trio.Replicas[node].Replica.BrokenReason));

        foreach (var node in failing)
        {
            trio.Disks[node].Faults = _ => DiskFault.None;
            trio.OpenAgain(node);
        }

        trio.Pass(1500);
        Assert.Null(trio.Run(undecided).Failure);
        Assert.All(failing, node => Assert.False(trio.Replicas[node].IsRecovering));
    }

    [Fact]
    public void A_replica_that_is_opened_again_still_knows_the_lease_that_it_granted()
    {
        var trio = new ReplicaTrio();
        Lead(trio, "node1");
        trio.Pass(5000); // long after the beginning of the process
        trio.Isolate("node1");
        trio.OpenAgain("node2");
        trio.OpenAgain("node3");
        var begun = trio.Time.GetUtcNow();

        Assert.Null(trio.Run(trio.NewLeader("node2").StartAsync()));

        Assert.InRange(trio.Time.GetUtcNow() - begun, trio.Options.LeaseDuration - trio.Options.HeartbeatInterval, trio.Options.CampaignTimeout);
    }

    [Fact]
    public void One_that_lost_what_it_acknowledged_and_does_not_know_gives_its_vote_up_until_it_has_everything()
    {
        var trio = new ReplicaTrio();
        var leader = Lead(trio, "node1");
        var (last, left) = ForgetLast(trio);

        trio.Heal();
        trio.Isolate("node2"); // nobody but it could confirm the leader
        trio.Pass(2000);
        Assert.True(trio.Replicas["node3"].IsRecovering);
        Assert.Equal(left, leader.Peers.Single(peer => peer.Replica.Node == "node3").Match);
        Assert.False(leader.HasLease);

        trio.Heal();
        trio.Pass(1000);
        Assert.False(trio.Replicas["node3"].IsRecovering);
        Assert.Equal(last, trio.Replicas["node3"].Replica.AppliedLsn);
        Assert.True(leader.HasLease);
    }

    [Fact]
    public void One_that_does_not_give_its_vote_up_when_it_is_told_to_is_not_counted_until_it_does()
    {
        var trio = new ReplicaTrio();
        var leader = Lead(trio, "node1");
        var (last, left) = ForgetLast(trio);
        trio.Older = "node3";

        trio.Heal();
        trio.Isolate("node2");
        trio.Pass(2000);
        Assert.Equal(last, trio.Replicas["node3"].Replica.GetFigures().LastLsn);
        Assert.Equal(left, leader.Peers.Single(peer => peer.Replica.Node == "node3").Match);
        Assert.False(leader.HasLease);

        trio.Older = null;
        trio.Heal();
        trio.Pass(2000);
        Assert.False(trio.Replicas["node3"].IsRecovering);
        Assert.Equal(last, leader.Peers.Single(peer => peer.Replica.Node == "node3").Match);
        Assert.True(leader.HasLease);
    }

    [Fact]
    public void One_that_never_had_what_others_have_only_catches_up()
    {
        var trio = new ReplicaTrio();
        var leader = Lead(trio, "node1");
        trio.Isolate("node3");
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("k", "w"))).Failure);

        trio.Heal();
        for (var passed = 0; passed < 20; passed++)
        {
            trio.Pass(50);
            Assert.False(trio.Replicas["node3"].IsRecovering);
        }

        Assert.Equal(trio.Replicas["node1"].Replica.AppliedLsn, trio.Replicas["node3"].Replica.AppliedLsn);
    }

    /// <summary>node3 is killed, and comes back without its last record; nobody has reached it yet.</summary>
    private static (Lsn Last, Lsn Left) ForgetLast(ReplicaTrio trio)
    {
        var last = trio.Replicas["node3"].Replica.GetFigures().LastLsn;
        var disk = trio.Disks["node3"].AfterPowerLoss(CrashOutcome.LoseUnsynced);
        trio.Kill("node3");
        FlipInLastFrame(disk); // which looks like an append that was not finished
        trio.Disks["node3"] = disk;
        trio.Open("node3");
        var left = trio.Replicas["node3"].Replica.GetFigures().LastLsn;
        Assert.True(left < last);
        Assert.False(trio.Replicas["node3"].IsRecovering);
        return (last, left);
    }

    private static void FlipInLastFrame(FaultyFileSystem disk)
    {
        var file = "/range/" + disk.ListFiles("/range").Where(name => name.StartsWith("wal-", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Last();
        disk.FlipBit(file, disk.ReadAll(file).AsSpan().LastIndexOfAnyExcept((byte)0), 1);
    }

    private static IEnumerable<string> Aside(FaultyFileSystem disk) => disk.ListFiles("/range").Where(file => file.StartsWith("aside-", StringComparison.Ordinal));

    private static RangeLeader Lead(ReplicaTrio trio, string node)
    {
        var leader = trio.NewLeader(node);
        Assert.Null(trio.Run(leader.StartAsync()));
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("k", node))).Failure);
        trio.Pass(500);
        return leader;
    }
}

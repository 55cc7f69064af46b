using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
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
        Assert.True(RangeReplica.TryDiscardDamaged(ReplicaTrio.OptionsOf("node3"), disk));
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
            trio.Replicas[node].Dispose();
            trio.Open(node);
        }

        trio.Pass(1500);
        Assert.Null(trio.Run(undecided).Failure);
        Assert.All(failing, node => Assert.False(trio.Replicas[node].IsRecovering));
    }

    private static IEnumerable<string> Aside(FaultyFileSystem disk) => disk.ListFiles("/range").Where(file => file.StartsWith("aside-", StringComparison.Ordinal));

    private static void Lead(ReplicaTrio trio, string node)
    {
        var leader = trio.NewLeader(node);
        Assert.Null(trio.Run(leader.StartAsync()));
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("k", node))).Failure);
        trio.Pass(500);
    }
}

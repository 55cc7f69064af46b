using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Replication;

/// <summary>A replica whose promise is gone, or an older one, while its log is sound: it promised something to somebody, and must not take part as if it had not.</summary>
public sealed class LostPromiseTests
{
    private static readonly string[] Slots = ["/range/hard-state-a", "/range/hard-state-b"];

    [Fact]
    public void Without_both_hard_states_it_is_damaged_and_may_not_be_filled_under_its_id()
    {
        var trio = AfterTwoLeaders(out _);
        foreach (var slot in Slots)
            trio.Disks["node3"].Delete(slot);

        CheckIsLost(trio);
    }

    [Fact]
    public void With_hard_states_of_before_it_is_too()
    {
        var trio = AfterTwoLeaders(out var older);
        foreach (var (slot, content) in Slots.Zip(older))
        {
            using var file = trio.Disks["node3"].Open(slot);
            file.Write(0, content);
            file.Sync();
        }

        CheckIsLost(trio);
    }

    [Fact]
    public void One_that_never_took_a_record_needs_no_promise()
    {
        var disk = new FaultyFileSystem();
        disk.CreateDirectory("/range");
        Open(disk, new ReplicaTrio()).Dispose();

        using var again = Open(disk, new ReplicaTrio());

        Assert.Equal(new Epoch(0), again.Promise.PromisedEpoch);
    }

    private static void CheckIsLost(ReplicaTrio trio)
    {
        var disk = trio.Disks["node3"];
        var files = disk.ListFiles("/range");
        Assert.Contains("the last promise is lost", Assert.Throws<WalCorruptionException>(() => Open(disk, trio)).Message, StringComparison.Ordinal);
        Assert.False(ReplicaFiles.TryDiscardDamaged(ReplicaTrio.OptionsOf("node3"), disk));
        Assert.Equal(files, disk.ListFiles("/range"));
    }

    private static RangeReplica Open(FaultyFileSystem disk, ReplicaTrio trio) =>
        RangeReplica.OpenUnloaded(ReplicaTrio.OptionsOf("node3"), disk, new HybridLogicalClock(trio.Time, HybridLogicalClock.DefaultMaxOffset));

    /// <summary>node3 took records of two leaders, and was killed.</summary>
    /// <param name="older">Its hard states under the first one.</param>
    private static ReplicaTrio AfterTwoLeaders(out byte[][] older)
    {
        var trio = new ReplicaTrio();
        Lead(trio, "node1");
        older = [.. Slots.Select(trio.Disks["node3"].ReadAll)];
        trio.Isolate("node1");
        Lead(trio, "node2");
        trio.Kill("node3");
        return trio;
    }

    private static void Lead(ReplicaTrio trio, string node)
    {
        var leader = trio.NewLeader(node);
        Assert.Null(trio.Run(leader.StartAsync()));
        Assert.Null(trio.Run(trio.Begin(leader, RangeRig.Put("k", node))).Failure);
        trio.Pass(500);
    }
}

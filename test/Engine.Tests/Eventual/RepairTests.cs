using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class RepairTests
{
    [Fact]
    public void Replicas_that_agree_exchange_nothing_but_their_roots()
    {
        var trio = new EventualTrio();
        for (var key = 0; key < 50; key++)
            trio.Write("node1", ReplicaRig.Put("k" + key, "v"), EventualLevel.All);
        trio.Messages.Clear();

        Assert.Equal(ExchangeReport.None, trio.Exchange("node1", "node2"));
        Assert.IsType<ExchangeRequest>(Assert.Single(trio.Messages));
    }

    [Fact]
    public void Only_what_differs_is_moved_and_in_both_directions()
    {
        var trio = new EventualTrio();
        for (var key = 0; key < 500; key++)
            trio.Write("node1", ReplicaRig.Put("k" + key, new string('x', 100)), EventualLevel.All);
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k7", "here"), EventualLevel.One);
        trio.Write("node1", ReplicaRig.Put("only here", "a"), EventualLevel.One);
        trio.Write("node2", ReplicaRig.Put("k7", "there"), EventualLevel.Quorum);
        trio.Write("node2", ReplicaRig.Put("only there", "b"), EventualLevel.Quorum);
        trio.Write("node2", ReplicaRig.Delete("k8"), EventualLevel.Quorum);
        trio.Heal();

        var report = trio.Exchange("node1", "node2");

        Assert.True(report.IsComplete, report.Problem);
        Assert.Equal((4, 3, 2), (report.Differing, report.Fetched, report.Sent));
        Assert.InRange(report.TreeBytes, 1, 4000);
        Assert.InRange(report.StateBytes, 1, 2000);
        Assert.Equal(trio.Replica("node1").GetFigures().Root, trio.Replica("node2").GetFigures().Root);
        Assert.Equal(["here", "there"], EventualTrio.Values(trio.StateAt("node2", "k7")).Where(value => value.Length < 100).Order());
    }

    [Fact]
    public void An_exchange_in_small_pages_comes_to_the_same()
    {
        var trio = new EventualTrio { Options = EventualOptions.Default with { BytesPerSecond = int.MaxValue, MaxBatchBytes = 1, MaxLeafBytes = 1, MaxTreeNodes = 1 } };
        trio.Isolate("node1");
        for (var key = 0; key < 60; key++)
        {
            trio.Write("node1", ReplicaRig.Put("left" + key, "v"), EventualLevel.One);
            trio.Write("node2", ReplicaRig.Put("right" + key, "v"), EventualLevel.Quorum);
        }

        trio.Heal();
        Assert.True(trio.Exchange("node1", "node2").IsComplete);
        Assert.Equal(trio.Replica("node1").GetFigures().Root, trio.Replica("node2").GetFigures().Root);
        Assert.Equal(120, trio.Replica("node2").GetFigures().Keys);
    }

    [Fact]
    public void An_exchange_takes_as_long_as_its_rate_says()
    {
        var trio = new EventualTrio { Options = EventualOptions.Default with { BytesPerSecond = 10_000 } };
        trio.Isolate("node1");
        for (var key = 0; key < 20; key++)
            trio.Write("node1", ReplicaRig.Put("k" + key, new string('x', 1000)), EventualLevel.One);
        trio.Heal();
        var began = trio.Time.GetUtcNow();
        Assert.True(trio.Exchange("node1", "node2").IsComplete);
        Assert.True(trio.Time.GetUtcNow() - began > TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void A_partner_that_falls_silent_ends_the_exchange_as_incomplete()
    {
        var trio = new EventualTrio();
        trio.Isolate("node2");
        var report = trio.Exchange("node1", "node2");
        Assert.False(report.IsComplete);
        Assert.NotEmpty(report.Problem);
    }

    [Fact]
    public void A_replica_that_lost_its_disk_counts_again_after_it_was_compared_with_all_others()
    {
        var trio = new EventualTrio();
        for (var key = 0; key < 20; key++)
            trio.Write("node1", ReplicaRig.Put("k" + key, "v"), EventualLevel.All);
        Replace(trio, "node3");
        trio.Isolate("node2");

        Assert.False(trio.Run(trio.Repair("node3").RunAsync(trio.Configuration, TestContext.Current.CancellationToken)).IsComplete);
        Assert.True(trio.Replica("node3").Standing is { IsJoined: true, NeedsRepair: true });
        Assert.Equal(20, trio.Replica("node3").GetFigures().Keys);
        trio.Heal();
        Assert.True(trio.Run(trio.Repair("node3").RunAsync(trio.Configuration, TestContext.Current.CancellationToken)).IsComplete);
        Assert.False(trio.Replica("node3").Standing.NeedsRepair);
    }

    [Fact]
    public void A_target_beyond_the_quota_is_told_and_does_not_count_until_it_is_repaired()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        for (var write = 0; write < 40; write++)
            trio.Write("node1", ReplicaRig.Put("k" + write, new string('x', 1 << 20)), EventualLevel.Quorum);
        trio.Work();
        Assert.Single(trio.Hints["node4"].Lost);

        trio.Heal();
        trio.TellLost("node4");
        Assert.Empty(trio.Hints["node4"].Lost);
        Assert.True(trio.Replica("node3").Standing.NeedsRepair);
        Assert.True(trio.Run(trio.Repair("node3").RunAsync(trio.Configuration, TestContext.Current.CancellationToken)).IsComplete);
        Assert.False(trio.Replica("node3").Standing.NeedsRepair);
    }

    [Fact]
    public void A_mark_that_comes_during_a_repair_stays()
    {
        var trio = new EventualTrio();
        Assert.True(trio.Run(trio.Replica("node1").MarkForRepairAsync()));
        trio.Options = trio.Options with { BytesPerSecond = 1000 };
        trio.Isolate("node2");
        trio.Write("node2", ReplicaRig.Put("k", new string('x', 1000)), EventualLevel.One);
        trio.Heal();
        var repairing = trio.Repair("node1").RunAsync(trio.Configuration, TestContext.Current.CancellationToken);
        trio.Work();
        Assert.False(repairing.IsCompleted);
        _ = trio.Replica("node1").MarkForRepairAsync();

        Assert.True(trio.Run(repairing).IsComplete);
        Assert.True(trio.Replica("node1").Standing.NeedsRepair);
    }

    [Fact]
    public void Tombstones_go_everywhere_after_a_round_that_reached_everybody()
    {
        var trio = new EventualTrio();
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.All);
        trio.Isolate("node3");
        trio.Write("node1", ReplicaRig.Delete("k"), EventualLevel.Quorum);

        Assert.Null(trio.Round("node1"));
        Assert.False(trio.StateAt("node1", "k").IsEmpty);
        trio.Heal();
        Assert.Equal(3, trio.Round("node1"));
        Assert.All((string[])["node1", "node2", "node3"], node => Assert.True(trio.StateAt(node, "k").IsEmpty));
    }

    /// <summary>Scylla #23712, #24415: a hint of what was deleted, delivered after the tombstone is gone.</summary>
    [Fact]
    public void A_hint_from_before_a_round_brings_nothing_back()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);
        trio.Heal();
        trio.Write("node1", ReplicaRig.Delete("k"), EventualLevel.All);
        trio.Work();
        Assert.Equal(1, trio.Hints["node4"].Count);
        Assert.Equal(3, trio.Round("node1"));

        Assert.Equal(new HandoffReport(0, 1, IsComplete: true), trio.HandOff("node4", EventualTrio.IdOf("node3")));
        Assert.True(trio.StateAt("node3", "k").IsEmpty);
    }

    [Fact]
    public void Where_hints_count_a_round_waits_until_the_older_ones_are_delivered()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum, sloppy: true);
        trio.Heal();
        trio.Write("node1", ReplicaRig.Delete("k"), EventualLevel.All, sloppy: true);
        trio.Work();

        Assert.Null(trio.Round("node1", "node4", "node5"));
        Assert.True(trio.HandOff("node4", EventualTrio.IdOf("node3")).IsComplete);
        Assert.Equal(3, trio.Round("node1", "node4", "node5"));
    }

    /// <summary>Where hints count they are copies: the loss of the coordinator's disk must not be the loss of the write. A hint that was acknowledged and not kept is noticed.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_that_was_acknowledged_with_a_hint_survives_its_coordinators_disk(bool dropped)
    {
        var trio = new EventualTrio(faults: dropped ? EventualFaults.DropHint : EventualFaults.None);
        trio.Isolate("node2");
        trio.Isolate("node3");
        Assert.Null(trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum, sloppy: true).Failure);
        Replace(trio, "node1");
        trio.Heal();
        foreach (var node in (string[])["node4", "node5"])
        {
            foreach (var target in trio.Hints[node].Targets)
                Assert.True(trio.HandOff(node, target).IsComplete);
        }

        Assert.True(trio.Run(trio.Repair("node1").RunAsync(trio.Configuration, TestContext.Current.CancellationToken)).IsComplete);
        Assert.Equal(dropped ? [] : ["v"], EventualTrio.Values(trio.StateAt("node1", "k")));
    }

    [Fact]
    public void A_write_that_was_under_way_during_a_round_is_sent_anew()
    {
        var trio = new EventualTrio();
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.All);
        var old = new MergeRequest(EventualTrio.IdOf("node2").Id, 1, Epoch: 0, [new("k"u8.ToArray(), DottedSetCodec.Encode(trio.StateAt("node1", "k")))]);
        trio.Write("node1", ReplicaRig.Delete("k"), EventualLevel.All);
        Assert.Equal(3, trio.Round("node1"));

        Assert.Equal(EventualOutcome.OldEpoch, trio.Run(trio.Replica("node2").MergeAsync(old)).Outcome);
        Assert.Null(trio.Write("node1", ReplicaRig.Put("k", "new"), EventualLevel.All).Failure);
        Assert.Equal(["new"], EventualTrio.Values(trio.StateAt("node2", "k")));
    }

    /// <summary>A round that ended in the middle left one replica in a higher epoch, which a newcomer took for its floor: it must not refuse the others for good.</summary>
    [Fact]
    public void A_newcomer_is_not_cut_off_from_those_that_a_round_did_not_reach()
    {
        var trio = new EventualTrio();
        trio.Write("node2", ReplicaRig.Put("k", "v"), EventualLevel.All);
        trio.Isolate("node3");
        trio.Write("node2", ReplicaRig.Put("other", "v"), EventualLevel.Quorum);
        EnterAlone(trio, "node1", epoch: 5);
        Replace(trio, "node3");
        trio.Heal();

        Assert.True(trio.Run(trio.Repair("node3").RunAsync(trio.Configuration, TestContext.Current.CancellationToken)).IsComplete);
        Assert.Equal((5, 5), (trio.Replica("node2").Standing.Epoch, trio.Replica("node3").Standing.Floor));
        Assert.Null(trio.Write("node2", ReplicaRig.Put("k", "w"), EventualLevel.All).Failure);
    }

    [Fact]
    public void A_hint_that_only_a_newcomer_refuses_goes_to_another_replica()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);
        trio.Heal();
        EnterAlone(trio, "node1", epoch: 5);
        Replace(trio, "node3");
        Assert.True(trio.Run(trio.Replica("node3").JoinAsync(5)));

        Assert.Equal(new HandoffReport(1, 0, IsComplete: true), trio.HandOff("node4", EventualTrio.IdOf("node3")));
        Assert.True(trio.StateAt("node3", "k").IsEmpty);
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node2", "k")));
    }

    [Fact]
    public void Nothing_is_forgotten_while_the_partition_moves()
    {
        var trio = new EventualTrio();
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.All);
        trio.Write("node1", ReplicaRig.Delete("k"), EventualLevel.All);
        trio.Configuration = trio.Configuration with { Version = 2, Incoming = [EventualTrio.IdOf("node2"), EventualTrio.IdOf("node3"), EventualTrio.IdOf("node4")] };
        Assert.Null(trio.Round("node1"));
    }

    /// <summary>What a round leaves whose leader died after the first of its replicas had entered.</summary>
    private static void EnterAlone(EventualTrio trio, string node, long epoch)
    {
        var (replica, round) = (trio.Replica(node), new Guid(9, 9, 9, new byte[8]));
        var begun = trio.Run(replica.StepAsync(new(replica.Id, 1, round, RoundStep.Begin, 0, default)));
        var entered = trio.Run(replica.StepAsync(new(replica.Id, 1, round, RoundStep.Enter, epoch, default) { Mark = begun.Mark }));
        Assert.Equal((EventualOutcome.Done, epoch), (entered.Outcome, entered.Epoch));
    }

    /// <summary>The node's disk is lost.</summary>
    private static void Replace(EventualTrio trio, string node)
    {
        var replacement = new ReplicaDescriptor(node, new Guid(33, 0, 0, new byte[8]));
        trio.Configuration = trio.Configuration with { Version = 2, Members = [.. trio.Configuration.Members.Select(member => member.Node == node ? replacement : member)] };
        trio.Open(replacement, ReplicaStanding.Later);
    }
}

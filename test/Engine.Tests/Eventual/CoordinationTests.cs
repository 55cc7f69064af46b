using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class CoordinationTests
{
    [Fact]
    public void A_write_goes_to_all_and_is_answered_at_its_level()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);

        Assert.Null(result.Failure);
        Assert.Equal([EventualReply.Ok, EventualReply.Ok], result.Replicas.Take(2).Select(vote => vote.Reply));
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node2", "k")));
    }

    [Fact]
    public void Too_few_acknowledgements_leave_the_outcome_unknown_because_the_coordinator_has_it()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);

        Assert.Equal((ErrorCode.OutcomeUnknown, Outcome.Unknown), (result.Failure!.Code, result.Failure.Outcome));
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node1", "k")));
    }

    [Fact]
    public void Where_too_few_are_alive_nothing_is_written()
    {
        var trio = new EventualTrio();
        trio.Dead.UnionWith(["node2", "node3"]);
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (result.Failure!.Code, result.Failure.Outcome));
        Assert.True(trio.StateAt("node1", "k").IsEmpty);
        Assert.Null(trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.One).Failure);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void A_level_counts_replicas(int count, bool met)
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        Assert.Equal(met, trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Of(count)).Failure is null);
        Assert.Equal(met, trio.Read("node1", "k", EventualLevel.Of(count)).Failure is null);
    }

    [Fact]
    public void A_hint_goes_to_the_next_node_and_is_delivered_and_released_when_the_target_is_back()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);
        trio.Work();
        Assert.Null(result.Failure);
        Assert.Equal(1, trio.Hints["node4"].Count);

        Assert.False(trio.HandOff("node4", EventualTrio.IdOf("node3")).IsComplete);
        trio.Heal();
        Assert.Equal(new HandoffReport(1, 0, IsComplete: true), trio.HandOff("node4", EventualTrio.IdOf("node3")));

        Assert.Equal(trio.StateAt("node1", "k"), trio.StateAt("node3", "k"));
        Assert.Equal(0, trio.Hints["node4"].Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_hint_counts_only_where_the_keyspace_says_so(bool sloppy)
    {
        var trio = new EventualTrio();
        trio.Isolate("node2");
        trio.Isolate("node3");
        trio.Cut("node1", "node2");
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum, sloppy);

        Assert.Equal(sloppy, result.Failure is null);
        Assert.Equal(EventualReply.Hinted, result.Replicas[1].Reply);
        Assert.Equal((1, 1), (trio.Hints["node4"].Count, trio.Hints["node5"].Count));
    }

    [Fact]
    public void Without_a_fallback_the_coordinator_keeps_the_hint_and_it_never_counts()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum, sloppy: true);

        Assert.Equal(Outcome.Unknown, result.Failure!.Outcome);
        Assert.Equal(2, trio.Hints["node1"].Count);
    }

    [Fact]
    public void A_hint_for_a_replica_that_was_replaced_goes_to_the_one_in_its_place()
    {
        var trio = new EventualTrio();
        trio.Isolate("node3");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.Quorum);
        trio.Heal();
        var replacement = new ReplicaDescriptor("node3", new Guid(33, 0, 0, new byte[8]));
        trio.Configuration = trio.Configuration with { Version = 2, Members = [EventualTrio.IdOf("node1"), EventualTrio.IdOf("node2"), replacement] };
        trio.Open(replacement, ReplicaStanding.Later);
        Assert.True(trio.Run(trio.Replica("node3").JoinAsync(0)));

        Assert.True(trio.HandOff("node4", EventualTrio.IdOf("node3")).IsComplete);
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node3", "k")));
    }

    [Fact]
    public void A_quorum_read_waits_until_a_quorum_holds_what_it_returns()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.One);
        trio.Heal();
        trio.Isolate("node3");

        var result = trio.Read("node1", "k", EventualLevel.Quorum);

        Assert.Equal(["v"], EventualTrio.Values(result));
        Assert.True(result.IsRepaired);
        Assert.True(result.Replicas[1].IsStale);
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node2", "k")));
    }

    [Fact]
    public void A_read_whose_answer_cannot_be_brought_to_a_quorum_fails_instead_of_being_unread_later()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.One);
        trio.Heal();
        trio.Isolate("node3");
        trio.Replica("node2").Dispose(); // answers reads, takes nothing

        var result = trio.Read("node1", "k", EventualLevel.Quorum);

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (result.Failure!.Code, result.Failure.Outcome));
    }

    [Fact]
    public void A_read_of_one_is_answered_at_once_and_repairs_beside_that()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.One);
        trio.Heal();

        Assert.Equal(["v"], EventualTrio.Values(trio.Read("node1", "k", EventualLevel.One)));
        trio.Work();
        Assert.Equal(["v"], EventualTrio.Values(trio.StateAt("node3", "k")));
    }

    [Fact]
    public void Concurrent_writes_are_siblings_and_a_write_with_their_context_ends_them()
    {
        var trio = new EventualTrio();
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k", "left"), EventualLevel.One);
        trio.Write("node2", ReplicaRig.Put("k", "right"), EventualLevel.Quorum);
        trio.Heal();
        var both = trio.Read("node3", "k", EventualLevel.All);
        Assert.Equal(["left", "right"], EventualTrio.Values(both));

        trio.Write("node3", ReplicaRig.Put("k", "both", both.Context), EventualLevel.All);
        Assert.Equal(["both"], EventualTrio.Values(trio.Read("node1", "k", EventualLevel.Quorum)));
    }

    [Fact]
    public void A_replica_that_needs_a_repair_does_not_count_for_reads()
    {
        var trio = new EventualTrio();
        trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.All);
        Assert.True(trio.Run(trio.Replica("node2").MarkForRepairAsync()));
        trio.Isolate("node3");

        Assert.Equal(ErrorCode.Unavailable, trio.Read("node1", "k", EventualLevel.Quorum).Failure!.Code);
        trio.Heal();
        var result = trio.Read("node1", "k", EventualLevel.Quorum);
        Assert.Null(result.Failure);
        Assert.Equal(EventualReply.NeedsRepair, result.Replicas[1].Reply);
    }

    /// <summary>While a partition moves, neither set alone is enough, in either direction.</summary>
    [Fact]
    public void Levels_are_met_in_the_old_and_in_the_new_set()
    {
        var trio = new EventualTrio();
        trio.Configuration = new(2, [.. trio.Configuration.Members], [EventualTrio.IdOf("node3"), EventualTrio.IdOf("node4"), EventualTrio.IdOf("node5")], []);
        trio.Open(EventualTrio.IdOf("node4"), ReplicaStanding.First);
        trio.Open(EventualTrio.IdOf("node5"), ReplicaStanding.First);

        trio.Isolate("node4");
        trio.Isolate("node5");
        Assert.Equal(Outcome.Unknown, trio.Write("node1", ReplicaRig.Put("a", "v"), EventualLevel.Quorum).Failure!.Outcome);
        Assert.Equal(ErrorCode.Unavailable, trio.Read("node1", "a", EventualLevel.Quorum).Failure!.Code);
        trio.Heal();
        trio.Isolate("node1");
        trio.Isolate("node2");
        Assert.Equal(Outcome.Unknown, trio.Write("node4", ReplicaRig.Put("b", "v"), EventualLevel.Quorum).Failure!.Outcome);
        trio.Heal();
        Assert.Null(trio.Write("node1", ReplicaRig.Put("c", "v"), EventualLevel.Quorum).Failure);
        Assert.Null(trio.Read("node5", "c", EventualLevel.Quorum).Failure);
    }

    [Fact]
    public void A_coordinator_with_an_old_configuration_writes_nothing_where_the_new_one_is_known()
    {
        var trio = new EventualTrio();
        foreach (var node in (string[])["node1", "node2", "node3"])
            Assert.True(trio.Run(trio.Replica(node).AdoptAsync(2)));
        var result = trio.Write("node1", ReplicaRig.Put("k", "v"), EventualLevel.One);
        Assert.Equal((ErrorCode.RangeMoved, Outcome.NotApplied), (result.Failure!.Code, result.Failure.Outcome));
    }

    [Fact]
    public void A_write_is_given_to_another_replica_only_after_the_word_that_it_did_not_happen()
    {
        var trio = new EventualTrio();
        List<string> asked = [];
        var silent = new WriteForwarding(_ => true, replica => Answer(replica, null), trio.Options);
        Assert.Equal(Outcome.Unknown, trio.Run(silent.RunAsync(trio.Configuration, "node9")).Failure!.Outcome);
        Assert.Equal(["node1"], asked);

        asked.Clear();
        var refusing = new WriteForwarding(_ => true, replica => Answer(replica, EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.Overloaded, "full"))), trio.Options);
        Assert.Equal(Outcome.NotApplied, trio.Run(refusing.RunAsync(trio.Configuration, "node2")).Failure!.Outcome);
        Assert.Equal(["node2", "node1", "node3"], asked);

        Task<EventualWriteResult?> Answer(ReplicaDescriptor replica, EventualWriteResult? answer)
        {
            asked.Add(replica.Node);
            return Task.FromResult(answer);
        }
    }

    [Fact]
    public void Counters_add_up_whoever_counted_and_however_often_states_came()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        var increment = new EventualWrite { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = CrdtOperation.Increment(5) };
        foreach (var node in (string[])["node1", "node2", "node3", "node1"])
        {
            trio.Isolate(node);
            trio.Write(node, increment, EventualLevel.One);
            trio.Heal();
        }

        var result = trio.Read("node2", "k", EventualLevel.All);
        Assert.Equal(20, CrdtReading.Counter(DottedSetCodec.Decode(result.State)).Value);
        trio.Write("node2", increment, EventualLevel.All);
        Assert.Equal(25, CrdtReading.Counter(trio.StateAt("node1", "k")).Value);
    }

    [Fact]
    public void The_loser_by_timestamp_is_recorded_where_the_two_met()
    {
        var trio = new EventualTrio(ConflictPolicy.LastWriterWins);
        trio.Isolate("node1");
        trio.Write("node1", ReplicaRig.Put("k", "first"), EventualLevel.One);
        trio.Time.Advance(TimeSpan.FromSeconds(1));
        trio.Write("node2", ReplicaRig.Put("k", "second"), EventualLevel.Quorum);
        trio.Heal();

        Assert.Equal(["second"], EventualTrio.Values(trio.Read("node3", "k", EventualLevel.All)));
        var (_, conflict) = Assert.Single(trio.Replica("node1").GetConflicts(Lsn.Zero, 10));
        Assert.Equal("first"u8.ToArray(), Assert.Single(conflict.Losers).Value.ToArray());
    }

    [Fact]
    public void A_write_that_others_refuse_for_its_old_configuration_is_brought_to_them_under_the_newer_one()
    {
        var trio = new EventualTrio();
        foreach (var node in (string[])["node2", "node3"])
            trio.Run(trio.Replica(node).AdoptAsync(2));
        var coordination = trio.NewWrite("node1", EventualLevel.Quorum);
        var write = ReplicaRig.Put("k", "v");
        var refused = trio.Run(coordination.RunAsync(write, idempotency: null, TimeSpan.FromSeconds(2)));
        Assert.Equal(Outcome.Unknown, refused.Failure!.Outcome);
        Assert.True(coordination.IsOutdated);

        trio.Configuration = trio.Configuration with { Version = 2 };
        var taken = trio.Run(trio.NewWrite("node1", EventualLevel.All).SpreadAsync(write, coordination.Local!, TimeSpan.FromSeconds(2)));
        Assert.Null(taken.Failure);
        Assert.Equal(coordination.Local!.Dot, taken.Dot);
        foreach (var node in (string[])["node1", "node2", "node3"])
            Assert.Equal(["v"], EventualTrio.Values(trio.StateAt(node, "k")));
    }
}

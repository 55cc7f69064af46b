using System.Text;
using CsCheck;
using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>Writes that may be repeated are carried out once, whatever happened in between, as long as the same replica, or one in its place, coordinates them.</summary>
public sealed class RepeatedRequestTests
{
    private static IdempotencyStamp Stamp(string key, int hash = 1) => new(key, (UInt128)(uint)hash, Encoding.UTF8.GetBytes("answer"));

    private static EventualWrite Increment(long by) => new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = CrdtOperation.Increment(by) };

    private static long Sum(DottedSet set) => (long)CrdtReading.Counter(set).Value;

    [Fact]
    public void A_repeated_write_has_the_original_result_and_no_second_effect()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        var first = trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a"));
        var other = trio.Write("node1", Increment(7), EventualLevel.Quorum, stamp: Stamp("b"));
        var again = trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a"));
        Assert.Null(again.Failure);
        Assert.Equal((first.Dot, first.Version, first.Existed), (again.Dot, again.Version, again.Existed));
        Assert.True(first.Context.Span.SequenceEqual(again.Context.Span));
        Assert.True(other.Existed);
        foreach (var node in (string[])["node1", "node2", "node3"])
            Assert.Equal(12, Sum(trio.StateAt(node, "k")));
    }

    [Fact]
    public void Another_request_under_the_same_key_is_refused()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure);
        var refused = trio.Write("node1", Increment(6), EventualLevel.Quorum, stamp: Stamp("a", hash: 2)).Failure!;
        Assert.Equal((ErrorCode.IdempotencyMismatch, Outcome.NotApplied), (refused.Code, refused.Outcome));
        Assert.Equal(5, Sum(trio.StateAt("node1", "k")));
    }

    [Fact]
    public void A_write_whose_level_was_not_met_is_not_made_again_and_reaches_its_level_by_repetition()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        trio.Isolate("node1");
        var unknown = trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a"));
        Assert.Equal(Outcome.Unknown, unknown.Failure!.Outcome);
        trio.Heal();
        var again = trio.Write("node1", Increment(5), EventualLevel.All, stamp: Stamp("a"));
        Assert.Null(again.Failure);
        Assert.Equal(unknown.Dot, again.Dot);
        foreach (var node in (string[])["node1", "node2", "node3"])
            Assert.Equal(5, Sum(trio.StateAt(node, "k")));
    }

    [Fact]
    public void The_same_request_twice_at_once_is_one()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        var both = new[] { trio.Begin("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")), trio.Begin("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")) };
        var results = trio.Run(Task.WhenAll(both));
        Assert.All(results, result => Assert.Null(result.Failure));
        Assert.Equal(results[0].Dot, results[1].Dot);
        Assert.Equal(5, Sum(trio.StateAt("node2", "k")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Results_outlive_a_restart_and_a_checkpoint(bool checkpoint)
    {
        var rig = ReplicaRig.New(ConflictPolicy.Counter);
        var first = rig.Run(rig.Replica.WriteAsync(Increment(5), 1, Stamp("a")));
        if (checkpoint)
            rig.Replica.Checkpoint(CancellationToken.None);
        var second = rig.Run(rig.Replica.WriteAsync(Increment(7), 1, Stamp("b")));
        rig.Replica.Dispose();

        var restarted = new ReplicaRig(rig.Disk, ConflictPolicy.Counter, ReplicaStanding.First);
        var again = restarted.Run(restarted.Replica.WriteAsync(Increment(5), 1, Stamp("a")));
        Assert.True(again.IsRepeated);
        Assert.Equal((first.Dot, first.Timestamp), (again.Dot, again.Timestamp));
        Assert.Equal(second.Dot, restarted.Run(restarted.Replica.WriteAsync(Increment(7), 1, Stamp("b"))).Dot);
        Assert.Equal(12, Sum(DottedSetCodec.Decode(again.State)));
    }

    [Fact]
    public void Who_comes_in_the_place_of_a_lost_replica_asks_the_others_before_it_writes()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure);
        Replace(trio);

        var again = trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a"));
        Assert.Null(again.Failure);
        Assert.Null(trio.Write("node1", Increment(7), EventualLevel.All, stamp: Stamp("b")).Failure);
        Assert.Equal(12, Sum(trio.StateAt("node1", "k")));
    }

    [Fact]
    public void While_it_cannot_ask_all_of_them_it_does_nothing()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure);
        Replace(trio);
        trio.Cut("node1", "node3");
        var refused = trio.Write("node1", Increment(7), EventualLevel.Quorum, stamp: Stamp("b")).Failure!;
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused.Code, refused.Outcome));
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure);
        Assert.Equal(5, Sum(trio.StateAt("node1", "k")));
    }

    [Fact]
    public void One_that_has_the_result_is_enough_to_hear()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.All, stamp: Stamp("a")).Failure);
        Replace(trio);
        trio.Delays["node3"] = TimeSpan.FromSeconds(1);

        var again = trio.Begin("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a"));
        trio.Work();

        Assert.True(again.IsCompleted);
        Assert.True(trio.Run(again).IsRepeated);
    }

    [Fact]
    public void A_request_by_an_old_configuration_is_given_back_for_the_newer_one()
    {
        var trio = new EventualTrio(ConflictPolicy.Counter);
        Replace(trio);
        trio.Run(trio.Replica("node2").AdoptAsync(3));

        var refused = trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure!;

        Assert.Equal((ErrorCode.RangeMoved, Outcome.NotApplied), (refused.Code, refused.Outcome));
        trio.Configuration = trio.Configuration with { Version = 3 };
        Assert.Null(trio.Write("node1", Increment(5), EventualLevel.Quorum, stamp: Stamp("a")).Failure);
    }

    /// <summary>Whatever is repeated, in whatever order, through restarts and checkpoints, the sum is that of the requests.</summary>
    [Fact]
    public void The_sum_is_that_of_the_different_requests() => Gen.Select(Gen.Int[0, 5], Gen.Int[0, 9], Gen.Bool).Array[1, 40].Sample(steps =>
    {
        var rig = ReplicaRig.New(ConflictPolicy.Counter);
        foreach (var (request, action, checkpoint) in steps)
        {
            Assert.Null(rig.Run(rig.Replica.WriteAsync(Increment(1 << request), 1, Stamp($"r{request}"))).Failure);
            if (action > 0)
                continue;
            if (checkpoint)
                rig.Replica.Checkpoint(CancellationToken.None);
            rig.Replica.Dispose();
            rig = new ReplicaRig(rig.Disk, ConflictPolicy.Counter, ReplicaStanding.First);
        }

        var state = rig.Replica.Read(new StateRequest(rig.Replica.Id, 1, "k"u8.ToArray())).State;
        Assert.Equal(steps.Select(step => step.Item1).Distinct().Sum(request => 1L << request), Sum(DottedSetCodec.Decode(state)));
    });

    /// <summary>node1 lost its disk; another replica is in its place, compared with all others.</summary>
    private static void Replace(EventualTrio trio)
    {
        var fresh = new ReplicaDescriptor("node1", new Guid(91, 0, 0, new byte[8]));
        trio.Configuration = trio.Configuration with { Version = 2, Members = [fresh, .. trio.Configuration.Members[1..]] };
        trio.Open(fresh, ReplicaStanding.Later);
        Assert.True(trio.Run(trio.Repair("node1").RunAsync(trio.Configuration, CancellationToken.None)).IsComplete);
    }
}

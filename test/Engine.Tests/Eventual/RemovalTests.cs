using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>A removal from a set or map takes away what its writer has seen: all of that, whoever coordinates it, and nothing else.</summary>
public sealed class RemovalTests
{
    [Fact]
    public void A_removal_takes_away_what_its_writer_saw_elsewhere()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();

        Assert.Null(trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure);

        Assert.Empty(Elements(trio, "node2"));
    }

    [Fact]
    public void A_removal_of_what_cannot_be_asked_for_is_refused_and_does_nothing()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");

        var refused = trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure;

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        Assert.True(trio.StateAt("node3", "k").IsEmpty);
    }

    /// <summary>It is not true then that somebody could not be asked: by the newer configuration all can.</summary>
    [Theory]
    [InlineData("node1")]
    [InlineData("node3")]
    public void A_removal_by_an_old_configuration_is_given_back_for_the_newer_one(string knower)
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();
        trio.Run(trio.Replica(knower).AdoptAsync(2));

        var refused = trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure;

        Assert.Equal((ErrorCode.RangeMoved, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        trio.Configuration = trio.Configuration with { Version = 2 };
        Assert.Null(trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure);
        Assert.Empty(Elements(trio, "node2"));
    }

    [Fact]
    public void One_that_knows_a_newer_configuration_outweighs_one_that_is_silent()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Run(trio.Replica("node2").AdoptAsync(2));

        Assert.Equal(ErrorCode.RangeMoved, trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure!.Code);
    }

    [Fact]
    public void A_removal_does_not_wait_for_others_when_one_has_brought_everything()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();
        trio.Delays["node2"] = TimeSpan.FromSeconds(1);

        var removal = trio.Begin("node3", Remove(seen, "x"), EventualLevel.Quorum);
        trio.Work();

        Assert.True(removal.IsCompleted);
        Assert.Null(trio.Run(removal).Failure);
    }

    [Fact]
    public void Waiting_for_what_goes_leaves_half_of_the_time()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();
        trio.Delays["node1"] = TimeSpan.FromSeconds(5);
        var started = trio.Time.GetTimestamp();

        var refused = trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure;

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        Assert.Equal(TimeSpan.FromSeconds(1), trio.Time.GetElapsedTime(started));
    }

    [Fact]
    public void Waiting_for_what_goes_is_part_of_the_time_for_the_level()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();
        trio.Delays["node1"] = TimeSpan.FromMilliseconds(800);
        trio.Delays["node2"] = TimeSpan.FromSeconds(5);
        var started = trio.Time.GetTimestamp();

        var result = trio.Write("node3", Remove(seen, "x"), EventualLevel.All);

        Assert.Equal(Outcome.Unknown, result.Failure!.Outcome);
        Assert.Equal(EventualReply.Ok, result.Replicas[0].Reply);
        Assert.Equal(TimeSpan.FromSeconds(2), trio.Time.GetElapsedTime(started));
    }

    [Fact]
    public void A_removal_whose_coordinator_has_no_room_for_what_goes_says_so()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        var seen = AddedOnlyAt("node1", trio, "x");
        trio.Heal();
        var filling = trio.Replica("node3").WriteAsync(ReplicaRig.Put("other", new string('x', GroupCommitOptions.Default.MaxPendingBytes)), configuration: 1);

        var refused = trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure;

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        Assert.Contains("too much waits for the disk", refused.Detail, StringComparison.Ordinal);
        Assert.True(filling.IsCompleted);
        Assert.Null(trio.Write("node3", Remove(seen, "x"), EventualLevel.Quorum).Failure);
    }

    [Fact]
    public void A_removal_that_is_repeated_is_answered_although_nobody_can_be_asked_any_more()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        trio.Write("node1", Add("y"), EventualLevel.All);
        var stamp = new IdempotencyStamp("once", 1, default);
        Assert.Null(trio.Write("node2", Remove(Lost, "x"), EventualLevel.One, stamp: stamp).Failure);
        trio.Isolate("node2");

        var again = trio.Write("node2", Remove(Lost, "x"), EventualLevel.One, stamp: stamp);

        Assert.Null(again.Failure);
        Assert.True(again.IsRepeated);
        Assert.Equal(ErrorCode.Unavailable, trio.Write("node2", Remove(Lost, "x"), EventualLevel.One).Failure!.Code);
    }

    /// <summary>What nobody has any more is gone already.</summary>
    [Fact]
    public void A_removal_of_what_is_nowhere_any_more_succeeds()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        trio.Write("node1", Add("y"), EventualLevel.All);

        Assert.Null(trio.Write("node2", Remove(Lost, "x"), EventualLevel.Quorum).Failure);

        Assert.Equal(["y"], Elements(trio, "node1"));
    }

    [Fact]
    public void A_deletion_with_a_context_leaves_what_its_writer_has_not_seen()
    {
        var trio = new EventualTrio(ConflictPolicy.ObservedRemoveSet);
        trio.Write("node1", Add("x"), EventualLevel.All);
        var seen = trio.Read("node1", "k", EventualLevel.One).Context;
        trio.Write("node1", Add("y"), EventualLevel.All);

        var deleted = trio.Write("node1", ReplicaRig.Delete("k") with { Context = seen }, EventualLevel.All);

        Assert.Equal(["y"], Elements(trio, "node2"));
        Assert.True(new EventualStates().Read(ConflictPolicy.ObservedRemoveSet, deleted.State, deleted.Version).Exists);
        Assert.False(trio.Replica("node1").HasForgettable(Interfaces.Keys.Timestamp.Max));
    }

    /// <summary>Has seen what was lost with a disk.</summary>
    private static ReadOnlyMemory<byte> Lost { get; } = new CausalContext(VersionVector.Of(new Dot(new Guid(99, 0, 0, new byte[8]), 7)), default, CausalContext.HashOf("k"u8)).Encode();

    private static ReadOnlyMemory<byte> AddedOnlyAt(string node, EventualTrio trio, string element)
    {
        trio.Isolate(node);
        Assert.Null(trio.Write(node, Add(element), EventualLevel.One).Failure);
        return trio.Read(node, "k", EventualLevel.One).Context;
    }

    private static EventualWrite Add(string element) => Operate(CrdtAction.Add, element);

    private static EventualWrite Remove(ReadOnlyMemory<byte> context, string element) => Operate(CrdtAction.Remove, element) with { Context = context };

    private static EventualWrite Operate(CrdtAction action, string element) =>
        new() { Key = "k"u8.ToArray(), Kind = EventualWriteKind.Operate, Operation = new(action, 0, [new(Encoding.UTF8.GetBytes(element), default)]) };

    private static IEnumerable<string> Elements(EventualTrio trio, string node) =>
        CrdtReading.Map(DottedSetCodec.Decode(trio.Read(node, "k", EventualLevel.All).State)).Names.Select(name => Encoding.UTF8.GetString(name.Span));
}

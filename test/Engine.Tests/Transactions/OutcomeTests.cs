using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>What a range says became of a transaction that touched no other range holds for every attempt of it, also for those that are still on their way.</summary>
public sealed class OutcomeTests
{
    [Fact]
    public void What_was_aborted_does_not_commit_any_more_also_after_a_restart()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        rig.Abort(id);

        AssertAborted(rig.Commit(rig.Work(id, id.Began, RangeRig.Put("a", "1"))).Failure);
        AssertAborted(rig.Transact(new TransactRequest { Writes = [new TransactWrite("", RangeRig.Put("a", "1"), null)] }, id).Failure);
        rig.Restart();
        AssertAborted(rig.Commit(rig.Work(id, id.Began, RangeRig.Put("a", "1"))).Failure);
        Assert.Null(rig.Value("a"));
    }

    [Fact]
    public void A_commit_behind_an_abort_that_is_on_its_way_is_refused_when_that_is_durable()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var aborting = rig.BeginResolve(id, Timestamp.Zero);
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "1")));
        Assert.False(committing.IsCompleted);

        Assert.Null(rig.Flushed(aborting));
        AssertAborted(committing.Answered().Failure);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_committed_or_is_about_to_is_not_aborted_any_more(bool isApplied)
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "1")));
        if (isApplied)
            rig.Range.Flush();

        var aborting = rig.BeginResolve(id, Timestamp.Zero);
        Assert.Equal(isApplied, aborting.IsCompleted);
        Assert.Null(rig.Flushed(aborting));

        var commit = committing.Answered().CommitTimestamp;
        Assert.Equal(commit, rig.Commit(rig.Work(id, id.Began, RangeRig.Put("a", "1"))).CommitTimestamp);
        Assert.Equal(commit, rig.Range.Replica.FindOutcome(id));
    }

    [Fact]
    public void That_nothing_is_known_is_a_proof_only_after_the_deadline_and_while_a_commit_would_be_remembered()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();

        Assert.False(rig.Range.Leader.TryFindOutcome(id, out _));
        rig.Range.Time.Advance(TransactionDeadline.Span + TimeSpan.FromSeconds(1));
        Assert.True(rig.Range.Leader.TryFindOutcome(id, out var outcome));
        Assert.Null(outcome);
        rig.Range.Time.Advance(TransactionLimits.RetryWindow);
        Assert.False(rig.Range.Leader.TryFindOutcome(id, out _));
    }

    [Fact]
    public void While_a_commit_is_on_its_way_nothing_is_said_of_it()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "1")) with { Deadline = TransactionDeadline.Of(id) });
        rig.Range.Time.Advance(TransactionDeadline.Span + TimeSpan.FromSeconds(1));

        Assert.False(rig.Range.Leader.TryFindOutcome(id, out _));
        var commit = rig.Flushed(committing).CommitTimestamp;
        Assert.True(rig.Range.Leader.TryFindOutcome(id, out var outcome));
        Assert.Equal(commit, outcome);
    }

    [Fact]
    public void A_memory_that_made_room_says_of_what_it_may_have_lost_that_it_does_not_know()
    {
        var memory = new OutcomeMemory(maxCount: 3);
        Assert.False(memory.MayHaveForgotten(Id(1)));
        for (var i = 1UL; i <= 5; i++)
            memory.Add(new(Id(i * 10), new Timestamp((i * 10) + 5), new Timestamp(1_000)));

        Assert.Null(memory.Find(Id(20)));
        Assert.True(memory.MayHaveForgotten(Id(25)));
        Assert.True(memory.MayHaveForgotten(Id(35))); // a full memory may come out of a checkpoint
        Assert.False(memory.MayHaveForgotten(Id(36)));
        memory.Expire(new Timestamp(2_000));
        Assert.True(memory.MayHaveForgotten(Id(25)));
        Assert.False(memory.MayHaveForgotten(Id(26)));
    }

    private static TransactionId Id(ulong began) => new(new Timestamp(began), 1);

    private static void AssertAborted(Failure? failure) => Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), (failure!.Code, failure.Outcome));
}

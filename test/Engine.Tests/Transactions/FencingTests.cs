using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A transaction whose coordinator is lost is given up: the range tells what it knows of it, or takes nothing of it any more.</summary>
public sealed class FencingTests
{
    [Fact]
    public void Of_an_unknown_transaction_nothing_is_taken_after_a_durable_answer_nor_after_a_restart()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var fencing = rig.BeginFence(id);
        Assert.False(fencing.IsCompleted);
        rig.Range.Flush();
        AssertGone(fencing.Answered());

        for (var restarts = 0; restarts < 2; restarts++)
        {
            var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));
            AssertRefused(rig.Commit(work).Failure);
            AssertRefused(rig.Prepare(work).Failure);
            AssertRefused(rig.Transact(new TransactRequest { Writes = [new TransactWrite("", RangeRig.Put("a", "1"), null)] }, id).Failure);
            Assert.Null(rig.Value("a"));
            AssertGone(rig.Fence(id));
            rig.Restart();
        }
    }

    [Fact]
    public void A_commit_that_came_first_is_told_also_while_it_is_on_its_way()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "1")));

        var fencing = rig.BeginFence(id);
        Assert.False(fencing.IsCompleted);
        rig.Range.Flush();

        var commit = committing.Answered().CommitTimestamp;
        Assert.Equal(commit, fencing.Answered().Outcome);
        Assert.Equal(commit, rig.Fence(id).Outcome);
    }

    [Fact]
    public void What_stands_prepared_is_left_to_its_decision()
    {
        var rig = new ParticipantRig();
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "1"));

        Assert.True(rig.Fence(id).IsPrepared);

        rig.Resolve(id, prepared.Next);
        Assert.Equal("1", rig.Value("a"));
        Assert.Equal(prepared.Next, rig.Fence(id).Outcome);
    }

    [Fact]
    public void That_one_range_gave_it_up_is_no_decision()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        rig.Fence(id);

        Assert.False(rig.Range.Leader.TryFindOutcome(id, out var outcome));
        Assert.Null(outcome);
        Assert.Null(rig.Range.Replica.FindOutcome(id));
        rig.Restart();
        Assert.Null(rig.Range.Replica.FindOutcome(id));
    }

    [Fact]
    public void An_abort_is_told()
    {
        var rig = new ParticipantRig();
        var (id, _) = rig.Prepared(RangeRig.Put("a", "1"));
        rig.Abort(id);

        Assert.Equal(Timestamp.Zero, rig.Fence(id).Outcome);
    }

    private static void AssertGone(FenceResult result) => Assert.Equal(default, result);

    private static void AssertRefused(Failure? failure) =>
        Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), (failure!.Code, failure.Outcome));
}

using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>A range that decides, with its own commit, on transactions that stand prepared elsewhere.</summary>
public sealed class AnchorTests
{
    private static readonly TimeSpan Long = TransactionMemory.LongestLife + TransactionLimits.RetryWindow + TimeSpan.FromSeconds(10);

    private readonly ParticipantRig _rig = new();

    [Fact]
    public void A_commit_for_others_is_known_until_it_is_settled_however_long_that_takes_and_after_restarts()
    {
        var (work, commit) = Committed();
        _rig.Range.Pass(Long);
        _rig.Write(new RangeWrite([RangeRig.Put("b", "1")], 1) { Idempotency = new IdempotencyStamp("later", 1, default) }); // its record lets old memories go
        for (var restarts = 0; restarts < 2; restarts++)
        {
            Assert.Null(_rig.Range.Replica.Transactions.Commits.Find(work.Transaction));
            Assert.Equal(commit, _rig.Decide(work, aborts: true).Outcome);
            Assert.Equal(commit, _rig.Commit(work).CommitTimestamp);
            Assert.Equal(commit, _rig.Fence(work.Transaction).Outcome);
            Assert.True(_rig.Range.Leader.TryFindOutcome(work.Transaction, out var outcome));
            Assert.Equal(commit, outcome);
            _rig.Restart();
        }

        _rig.Settle(work.Transaction);

        Assert.Equal(0, _rig.Range.Leader.UnsettledTransactions);
        Assert.Equal("1", _rig.Value("a"));
        Assert.Equal((ErrorCode.OutcomeUnknown, Outcome.Unknown), Of(_rig.Decide(work, aborts: true, isPrepared: false).Failure));
    }

    [Fact]
    public void A_range_with_too_many_unsettled_commits_decides_no_more_of_them_until_one_is_settled()
    {
        var (first, _) = Committed();
        for (var i = 1; i < TransactionMemory.MaxUnsettledPerRange; i++)
        {
            var id = _rig.NewId();
            var committing = _rig.BeginCommitForOthers(_rig.Work(id, id.Began, RangeRig.Put($"k{i % 100}", "1")), default);
            if (i % 16 == 0)
                Assert.Null(_rig.Flushed(committing).Failure?.Detail);
        }

        var refused = Deciding();
        var alone = _rig.NewId();

        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), Of(refused.Failure));
        Assert.Null(_rig.Commit(_rig.Work(alone, alone.Began, RangeRig.Put("alone", "1"))).Failure);
        Assert.Equal(TransactionMemory.MaxUnsettledPerRange, _rig.Range.Leader.UnsettledTransactions);
        _rig.Settle(first.Transaction);
        Assert.Null(Deciding().Failure?.Detail);
        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), Of(Deciding().Failure));

        RangeCommitResult Deciding()
        {
            var id = _rig.NewId();
            return _rig.CommitForOthers(_rig.Work(id, id.Began, RangeRig.Put("more", "1")));
        }
    }

    [Fact]
    public void An_abort_in_the_log_refuses_a_commit_that_comes_late_also_after_a_restart()
    {
        var id = _rig.NewId();
        var work = _rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        Assert.Equal(new RangeDecision(), _rig.Decide(work, aborts: false));

        var deciding = _rig.BeginDecide(work, aborts: true);
        Assert.False(deciding.IsCompleted);
        Assert.Equal(Timestamp.Zero, _rig.Flushed(deciding).Outcome);

        for (var restarts = 0; restarts < 2; restarts++)
        {
            Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), Of(_rig.CommitForOthers(work).Failure));
            Assert.Equal(Timestamp.Zero, _rig.Decide(work, aborts: false).Outcome);
            Assert.Null(_rig.Value("a"));
            _rig.Restart();
        }
    }

    [Fact]
    public void Whatever_comes_first_of_commit_and_abort_stands_while_both_are_on_their_way()
    {
        var id = _rig.NewId();
        var work = _rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var committing = _rig.BeginCommitForOthers(work, Timestamp.Zero);
        var late = _rig.BeginDecide(work, aborts: true);
        var other = _rig.NewId();
        var early = _rig.BeginDecide(_rig.Work(other, other.Began), aborts: true);
        var refused = _rig.BeginCommitForOthers(_rig.Work(other, other.Began, RangeRig.Put("b", "1")), Timestamp.Zero);
        Assert.False(late.IsCompleted || refused.IsCompleted);

        _rig.Range.Flush();

        Assert.Equal(committing.Answered().CommitTimestamp, late.Answered().Outcome);
        Assert.Equal(Timestamp.Zero, early.Answered().Outcome);
        Assert.Equal(ErrorCode.TransactionExpired, refused.Answered().Failure!.Code);
    }

    [Fact]
    public void What_was_given_up_is_not_decided_and_told_as_an_abort_to_who_asks_the_anchor()
    {
        var id = _rig.NewId();
        var work = _rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        _rig.Fence(id);

        Assert.Equal(ErrorCode.TransactionExpired, _rig.CommitForOthers(work).Failure!.Code);
        Assert.Equal(Timestamp.Zero, _rig.Decide(work, aborts: false).Outcome);
    }

    [Fact]
    public void Above_the_deadline_nothing_is_committed_so_what_is_unknown_is_aborted_without_a_record()
    {
        var id = _rig.NewId();
        var work = _rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        _rig.Range.Pass(TimeSpan.FromSeconds(31));
        var last = _rig.Range.Replica.AppliedLsn;

        Assert.Equal(Timestamp.Zero, _rig.Decide(work, aborts: false).Outcome);
        Assert.Equal(last, _rig.Range.Replica.AppliedLsn);
        Assert.Equal(ErrorCode.TransactionExpired, _rig.CommitForOthers(work).Failure!.Code);
    }

    [Fact]
    public void An_older_one_waits_for_a_younger_one_and_a_prepare_timestamp_from_the_future_is_refused()
    {
        var older = _rig.NewId();
        var (younger, _) = _rig.Prepared(RangeRig.Put("a", "1"));
        var committing = _rig.BeginCommitForOthers(_rig.Work(older, older.Began, RangeRig.Put("a", "2")), Timestamp.Zero);
        Assert.False(committing.IsCompleted);
        _rig.Abort(younger);
        Assert.Null(_rig.Flushed(committing).Failure?.Detail);

        var id = _rig.NewId();
        var refused = _rig.CommitForOthers(_rig.Work(id, id.Began, RangeRig.Put("b", "2")), _rig.Now.Add(TimeSpan.FromSeconds(10)));
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), Of(refused.Failure));
    }

    [Fact]
    public void A_condition_that_does_not_hold_any_more_is_refused_and_nothing_is_decided()
    {
        var id = _rig.NewId();
        _rig.Range.Write(RangeRig.Put("c", "1"));
        var write = RangeRig.Put("c", "2") with { Condition = new WriteCondition(ConditionKind.NotExists, default) };
        var work = _rig.Work(id, _rig.Now, write);

        Assert.Equal((ErrorCode.VersionMismatch, Outcome.NotApplied), Of(_rig.CommitForOthers(work).Failure));
        Assert.Equal(new RangeDecision(), _rig.Decide(work, aborts: false));
    }

    [Fact]
    public void One_that_only_reads_here_decides_nothing()
    {
        var id = _rig.NewId();
        Assert.Equal(ErrorCode.InvalidRequest, _rig.CommitForOthers(_rig.Work(id, id.Began) with { ReadKeys = [Records.Key("a")] }).Failure!.Code);
    }

    [Fact]
    public void Commits_of_which_nobody_tells_the_end_are_handed_over_by_their_leader_and_all_by_a_new_one()
    {
        var (work, commit) = Committed();
        _rig.Range.Pass(TimeSpan.FromSeconds(4));
        Assert.Empty(_rig.Range.Recovery.Finishing);

        _rig.Range.Pass(TimeSpan.FromSeconds(2));
        var (resolution, others, anchor) = _rig.Range.Recovery.Finishing[0];
        Assert.Equal(new Resolution(work.Transaction, commit), resolution);
        Assert.Equal([ParticipantRig.Participants[1]], others);
        Assert.Equal(RangeRig.Descriptor.Id, anchor);

        _rig.Restart();
        Assert.Contains(_rig.Range.Recovery.Finishing, one => one.Commit.Transaction == work.Transaction);
        _rig.Settle(work.Transaction);
        _rig.Range.Recovery.Finishing.Clear();
        _rig.Range.Pass(TimeSpan.FromSeconds(10));
        Assert.Empty(_rig.Range.Recovery.Finishing);
    }

    [Fact]
    public void A_closed_range_decides_nothing_for_others_and_waits_until_what_it_decided_is_settled()
    {
        var (work, commit) = Committed();
        var closing = _rig.Range.Leader.CloseAsync().AsTask();
        _rig.Range.Flush();
        Assert.False(closing.IsCompleted);
        Assert.Contains(_rig.Range.Recovery.Finishing, one => one.Commit == new Resolution(work.Transaction, commit));

        _rig.Settle(work.Transaction);
        _rig.Range.Pass(TimeSpan.FromMilliseconds(200));
        Assert.Null(closing.Answered());

        for (var restarts = 0; restarts < 2; restarts++)
        {
            var id = _rig.NewId();
            var next = _rig.Work(id, id.Began, RangeRig.Put("b", "1"));
            Assert.Equal((ErrorCode.KeyspaceNotFound, Outcome.NotApplied), Of(_rig.CommitForOthers(next).Failure));
            Assert.Equal((ErrorCode.KeyspaceNotFound, Outcome.NotApplied), Of(_rig.Prepare(next).Failure));
            Assert.Null(_rig.Commit(next).Failure);
            _rig.Restart();
        }
    }

    [Fact]
    public void A_range_whose_commits_are_not_confirmed_is_not_closed_in_time()
    {
        Committed();
        var closing = _rig.Range.Leader.CloseAsync().AsTask();
        _rig.Range.Pass(TimeSpan.FromSeconds(5));

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), Of(closing.Answered()));
    }

    [Fact]
    public void What_began_as_long_ago_as_a_decision_that_had_to_make_room_is_not_taken_any_more()
    {
        var memory = new OutcomeMemory(maxCount: 1);
        var (first, second) = (_rig.NewId(), _rig.NewId());
        memory.Add(new(first, Timestamp.Zero, Timestamp.Max));
        Assert.Equal(Timestamp.Zero, memory.ForgottenUpTo);
        memory.Add(new(second, Timestamp.Zero, Timestamp.Max));
        Assert.Equal(first.Began, memory.ForgottenUpTo);

        _rig.Range.Replica.Transactions.Decisions.ForgottenUpTo = first.Began;
        _rig.Range.Write(RangeRig.Put("b", "1"));
        _rig.Range.Replica.Checkpoint(CancellationToken.None);
        for (var restarts = 0; restarts < 2; restarts++)
        {
            var work = _rig.Work(first, _rig.Now, RangeRig.Put("a", "1"));
            Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), Of(_rig.Prepare(work).Failure));
            Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), Of(_rig.CommitForOthers(work).Failure));
            Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), Of(_rig.Transact(new TransactRequest { Writes = [new TransactWrite("", RangeRig.Put("a", "1"), null)] }, first).Failure));
            _rig.Restart();
        }

        Assert.Null(_rig.CommitForOthers(_rig.Work(second, _rig.Now, RangeRig.Put("a", "1"))).Failure);
    }

    private (TransactionWork Work, Timestamp Commit) Committed()
    {
        var id = _rig.NewId();
        var work = _rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var result = _rig.CommitForOthers(work);
        Assert.Null(result.Failure);
        Assert.Equal(1, _rig.Range.Leader.UnsettledTransactions);
        return (work, result.CommitTimestamp);
    }

    private static (ErrorCode, Outcome) Of(Failure? failure) => (failure!.Code, failure.Outcome);
}

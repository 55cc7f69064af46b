using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Transactions that touch one range: one record, one round.</summary>
public sealed class CommittingTests
{
    [Fact]
    public void A_commit_is_above_its_snapshot_and_everything_read_here()
    {
        var rig = new ParticipantRig();
        var snapshot = rig.Now.Add(TimeSpan.FromMilliseconds(100));
        var later = snapshot.Add(TimeSpan.FromMilliseconds(100));
        Assert.Null(rig.Value("a", later));
        var id = rig.NewId();

        var commit = rig.Commit(rig.Work(id, snapshot, RangeRig.Put("a", "1")));

        Assert.Null(commit.Failure);
        Assert.True(commit.CommitTimestamp > later);
        Assert.Null(rig.Value("a", later));
        Assert.Equal(commit.CommitTimestamp, rig.Range.Replica.FindOutcome(id));
    }

    [Fact]
    public void A_repeated_commit_gives_the_same_answer_before_its_flush_after_a_restart_and_after_a_checkpoint()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var first = rig.BeginCommit(work);
        var second = rig.BeginCommit(work);
        rig.Range.Flush();
        var commit = first.Answered().CommitTimestamp;

        Assert.Equal(commit, second.Answered().CommitTimestamp);
        Assert.Equal(commit, rig.Commit(work).CommitTimestamp);
        rig.Restart();
        Assert.Equal(commit, rig.Commit(work).CommitTimestamp);
        rig.Range.Replica.Checkpoint(CancellationToken.None);
        rig.Restart();
        Assert.Equal(commit, rig.Commit(work).CommitTimestamp);
        Assert.Equal(commit, rig.Read("a").Version);
    }

    [Fact]
    public void Of_two_that_read_the_same_snapshot_the_second_fails_also_in_one_batch()
    {
        var rig = new ParticipantRig();
        var (first, second) = (rig.NewId(), rig.NewId());
        var snapshot = rig.Now;

        var winning = rig.BeginCommit(rig.Work(first, snapshot, RangeRig.Put("a", "1")));
        var losing = rig.BeginCommit(rig.Work(second, snapshot, RangeRig.Put("a", "2")));
        rig.Range.Flush();

        Assert.Null(winning.Answered().Failure);
        Assert.Equal((ErrorCode.TransactionConflict, Outcome.NotApplied), (losing.Answered().Failure!.Code, losing.Answered().Failure!.Outcome));
    }

    [Fact]
    public void Write_skew_is_possible_without_reads_and_impossible_with_them()
    {
        var rig = new ParticipantRig();
        var (a, b) = (rig.NewId(), rig.NewId());
        var snapshot = rig.Now;
        var skewed = rig.Work(b, snapshot, RangeRig.Put("y", "b"));

        Assert.Null(rig.Commit(rig.Work(a, snapshot, RangeRig.Put("x", "a")) with { ReadKeys = [Records.Key("y")] }).Failure);
        Assert.Equal(ErrorCode.TransactionConflict, rig.Commit(skewed with { ReadKeys = [Records.Key("x")] }).Failure!.Code);
        Assert.Null(rig.Commit(skewed).Failure);
    }

    [Fact]
    public void A_phantom_in_an_interval_that_was_read_is_a_conflict_also_while_it_is_only_proposed()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        _ = rig.Range.Begin(RangeRig.Put("m5", "new"));

        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "1")) with { ReadIntervals = [new RoutingInterval("m"u8.ToArray(), "n"u8.ToArray())] });

        Assert.Equal(ErrorCode.TransactionConflict, rig.Flushed(committing).Failure!.Code);
    }

    [Fact]
    public void A_commit_waits_for_an_intent_and_then_loses_to_it()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var (holder, prepared) = rig.Prepared(RangeRig.Put("a", "first"));
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "second")));
        Assert.False(committing.IsCompleted);

        rig.Resolve(holder, prepared);

        Assert.Equal(ErrorCode.TransactionConflict, rig.Flushed(committing).Failure!.Code);
    }

    [Fact]
    public void A_commit_waits_for_an_intent_that_is_aborted_and_goes_on()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var (holder, _) = rig.Prepared(RangeRig.Put("a", "first"));
        var committing = rig.BeginCommit(rig.Work(id, id.Began, RangeRig.Put("a", "second")));

        rig.Abort(holder);

        Assert.Null(rig.Flushed(committing).Failure);
        Assert.Equal("second", rig.Value("a"));
    }

    [Fact]
    public void A_commit_after_the_deadline_is_refused()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId(TimeSpan.FromSeconds(31));

        var failure = rig.Commit(rig.Work(id, rig.Now, RangeRig.Put("a", "1"))).Failure!;

        Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), (failure.Code, failure.Outcome));
        Assert.Null(rig.Value("a"));
    }

    [Fact]
    public void A_commit_that_is_remembered_is_answered_also_after_the_deadline()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var commit = rig.Commit(work).CommitTimestamp;
        rig.Range.Time.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(commit, rig.Commit(work).CommitTimestamp);
    }

    [Fact]
    public void A_commit_without_writes_validates_what_was_read()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began) with { ReadKeys = [Records.Key("r")] };
        Assert.Null(rig.Commit(work).Failure);

        rig.Range.Write(RangeRig.Put("r", "1"));

        Assert.Equal(ErrorCode.TransactionConflict, rig.Commit(work).Failure!.Code);
    }

    [Fact]
    public void Bad_requests_are_refused_as_such()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));

        Assert.Equal(ErrorCode.RangeMoved, rig.Commit(work with { Generation = 2 }).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Commit(work with { Transaction = TransactionId.None }).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Commit(work with { Writes = [] }).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Commit(work with { Writes = [work.Writes[0], work.Writes[0]] }).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Commit(work with { ReadTimestamp = rig.Now.Add(TimeSpan.FromSeconds(10)) }).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Commit(work with { Idempotency = new IdempotencyStamp("", 1, default) }).Failure!.Code);
        Assert.Equal(ErrorCode.TransactionTooLarge, rig.Commit(work with { ReadKeys = new ReadOnlyMemory<byte>[TransactionLimits.MaxReads + 1] }).Failure!.Code);
        Assert.Equal(ErrorCode.ValueTooLarge, rig.Commit(work with { Writes = [RangeRig.Put("a", new string('x', 2000))] }).Failure!.Code);
    }
}

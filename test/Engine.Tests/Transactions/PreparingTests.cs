using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>What a range promises with the answer to a prepare, and what it refuses.</summary>
public sealed class PreparingTests
{
    [Fact]
    public void A_prepare_is_answered_only_after_its_flush()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();

        var preparing = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put("a", "1")));

        Assert.False(preparing.IsCompleted);
        rig.Range.Flush();
        Assert.True(preparing.Answered().PrepareTimestamp > id.Began);
    }

    [Fact]
    public void What_is_prepared_is_not_readable_and_what_is_committed_is_at_its_timestamp()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "new"), RangeRig.Delete("b"));
        Assert.Equal("old", rig.Value("a", prepared.Previous));

        rig.Resolve(id, prepared.Next);

        Assert.Equal("old", rig.Value("a", prepared));
        Assert.Equal("new", rig.Value("a", prepared.Next));
        Assert.Equal(prepared.Next, rig.Read("a").Version);
    }

    [Fact]
    public void A_repeated_prepare_gives_the_same_answer_before_and_after_its_flush_and_a_restart()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var first = rig.BeginPrepare(work);
        var second = rig.BeginPrepare(work);
        rig.Range.Flush();
        var prepared = first.Answered().PrepareTimestamp;

        Assert.Equal(prepared, second.Answered().PrepareTimestamp);
        Assert.Equal(prepared, rig.PreparedAt(work));
        rig.Restart();
        Assert.Equal(prepared, rig.PreparedAt(work));
    }

    [Fact]
    public void First_committer_wins_also_against_what_is_only_proposed()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var writing = rig.Range.Begin(RangeRig.Put("a", "other"));

        var preparing = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put("a", "1"), RangeRig.Put("b", "1")));
        rig.Range.Flush();

        Assert.Null(writing.Answered().Failure);
        var failure = preparing.Answered().Failure!;
        Assert.Equal((ErrorCode.TransactionConflict, Outcome.NotApplied), (failure.Code, failure.Outcome));
        Assert.Equal("a"u8.ToArray(), Assert.Single(failure.Keys).Key.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_read_must_not_have_changed(bool interval)
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        rig.Range.Write(RangeRig.Put("r", "changed"));

        var failure = rig.Prepare(Reading(rig.Work(id, id.Began, RangeRig.Put("a", "1")), "r", interval)).Failure!;

        Assert.Equal(ErrorCode.TransactionConflict, failure.Code);
        Assert.Equal("r"u8.ToArray(), Assert.Single(failure.Keys).Key.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_was_read_stays_as_it_is_until_the_decision(bool interval)
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var prepared = rig.PreparedAt(Reading(rig.Work(id, id.Began, RangeRig.Put("a", "1")), "r", interval));

        var writing = rig.Range.Begin(RangeRig.Put("r", "later"));
        rig.Range.Flush();

        Assert.False(writing.IsCompleted, "a lock stands in the way");
        var commit = prepared.Add(TimeSpan.FromMilliseconds(100));
        rig.Resolve(id, commit);
        rig.Range.Flush();
        Assert.True(writing.Answered().Version > commit, "nothing that was read changed up to the commit");
    }

    [Fact]
    public void Locks_do_not_stand_in_the_way_of_locks()
    {
        var rig = new ParticipantRig();
        var (first, second) = (rig.NewId(), rig.NewId());
        rig.PreparedAt(Reading(rig.Work(first, first.Began, RangeRig.Put("a", "1")), "r", interval: false));

        Assert.Null(rig.Prepare(Reading(rig.Work(second, second.Began, RangeRig.Put("b", "1")), "r", interval: true)).Failure);
    }

    [Fact]
    public void The_younger_dies_at_once_and_the_older_waits()
    {
        var rig = new ParticipantRig();
        var older = rig.NewId();
        var (holder, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        var younger = rig.NewId();

        var dead = rig.Prepare(rig.Work(younger, younger.Began, RangeRig.Put("a", "2")));
        var waiting = rig.BeginPrepare(rig.Work(older, rig.Now, RangeRig.Put("a", "3")));
        rig.Range.Flush();

        Assert.Equal((ErrorCode.TransactionConflict, Outcome.NotApplied), (dead.Failure!.Code, dead.Failure.Outcome));
        Assert.False(waiting.IsCompleted);
        rig.Abort(holder);
        rig.Range.Flush();
        Assert.True(waiting.Answered().PrepareTimestamp > prepared);
    }

    [Fact]
    public void A_range_with_too_many_prepared_transactions_prepares_no_more_until_one_is_decided()
    {
        var rig = new ParticipantRig();
        var (first, _) = rig.Prepared(RangeRig.Put("first", "1"));
        for (var i = 1; i < TransactionMemory.MaxPreparedPerRange; i++)
        {
            var id = rig.NewId();
            var preparing = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put($"k{i}", "1")));
            if (i % 16 == 0)
                Assert.Null(rig.Flushed(preparing).Failure?.Detail);
        }

        var more = rig.NewId();
        var work = rig.Work(more, more.Began, RangeRig.Put("more", "1"));

        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), (rig.Prepare(work).Failure!.Code, rig.Prepare(work).Failure!.Outcome));
        rig.Abort(first);
        Assert.Null(rig.Prepare(work).Failure?.Detail);
    }

    [Fact]
    public void Whoever_waits_gives_up_after_a_while()
    {
        var rig = new ParticipantRig();
        var older = rig.NewId();
        rig.Prepared(RangeRig.Put("a", "1"));
        var preparing = rig.BeginPrepare(rig.Work(older, rig.Now, RangeRig.Put("a", "3")));
        var writing = rig.Range.Begin(RangeRig.Put("a", "2"));
        var reading = rig.BeginRead("a");

        rig.Range.Pass(TimeSpan.FromSeconds(4));

        Assert.Equal(ErrorCode.TransactionConflict, preparing.Answered().Failure!.Code);
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (writing.Answered().Failure!.Code, writing.Answered().Failure!.Outcome));
        Assert.Equal(ErrorCode.Unavailable, reading.Answered().Failure!.Code);
    }

    [Fact]
    public void A_prepare_after_the_deadline_is_refused()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId(TimeSpan.FromSeconds(31));

        var failure = rig.Prepare(rig.Work(id, rig.Now, RangeRig.Put("a", "1"))).Failure!;

        Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), (failure.Code, failure.Outcome));
    }

    [Fact]
    public void A_deadline_beyond_the_longest_life_is_refused()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1")) with { Deadline = id.Began.Add(TransactionMemory.LongestLife + TimeSpan.FromSeconds(1)) };

        Assert.Equal(ErrorCode.InvalidRequest, rig.Prepare(work).Failure!.Code);
    }

    [Fact]
    public void A_prepare_that_comes_after_its_decision_is_refused_also_after_a_restart()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        rig.Abort(id);
        var late = rig.Work(id, id.Began, RangeRig.Put("a", "1"));

        Assert.Equal((ErrorCode.TransactionExpired, Outcome.NotApplied), (rig.Prepare(late).Failure!.Code, rig.Prepare(late).Failure!.Outcome));
        rig.Range.Replica.Checkpoint(CancellationToken.None);
        rig.Restart();
        Assert.Equal(ErrorCode.TransactionExpired, rig.Prepare(late).Failure!.Code);
    }

    [Fact]
    public void A_prepare_behind_a_decision_that_is_on_its_way_is_refused()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        _ = rig.BeginResolve(id, Timestamp.Zero);

        var preparing = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put("a", "1")));

        Assert.Equal(ErrorCode.TransactionExpired, preparing.Answered().Failure!.Code);
    }

    [Fact]
    public void A_decision_may_follow_a_prepare_in_the_same_batch()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var preparing = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put("a", "1")));
        var resolving = rig.BeginResolve(id, Timestamp.Zero);
        rig.Range.Flush();

        Assert.Null(preparing.Answered().Failure);
        Assert.Null(resolving.Answered());
        Assert.Null(rig.Value("a"));
        Assert.Equal(Timestamp.Zero, rig.Range.Replica.FindOutcome(id));
    }

    [Fact]
    public void A_decision_that_nobody_can_have_taken_is_refused()
    {
        var rig = new ParticipantRig();
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "1"));

        Assert.Equal((ErrorCode.Internal, Outcome.NotApplied), Code(rig.Flushed(rig.BeginResolve(id, prepared.Previous))));
        Assert.Equal((ErrorCode.Internal, Outcome.NotApplied), Code(rig.Flushed(rig.BeginResolve(id, Timestamp.Max.Previous))));
        rig.Resolve(id, prepared);
        Assert.Equal("1", rig.Value("a"));

        static (ErrorCode Code, Outcome Outcome) Code(Failure? failure) => (failure!.Code, failure.Outcome);
    }

    [Fact]
    public void The_first_decision_stands()
    {
        var rig = new ParticipantRig();
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        rig.Resolve(id, prepared);

        rig.Abort(id);

        Assert.Equal("1", rig.Value("a"));
        Assert.Equal(prepared, rig.Range.Replica.FindOutcome(id));
    }

    [Fact]
    public void Conditions_are_evaluated_too()
    {
        var rig = new ParticipantRig();
        var version = rig.Range.Write(RangeRig.Put("a", "1")).Version;
        var id = rig.NewId();

        var failure = rig.Prepare(rig.Work(id, id.Began, RangeRig.Put("a", "2", new WriteCondition(ConditionKind.NotExists, default)))).Failure!;

        Assert.Equal((ErrorCode.VersionMismatch, version), (failure.Code, failure.CurrentVersion));
    }

    [Fact]
    public void A_time_to_live_counts_from_the_commit()
    {
        var rig = new ParticipantRig();
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "1", timeToLive: TimeSpan.FromSeconds(2)));
        rig.Resolve(id, prepared.Add(TimeSpan.FromSeconds(0.1)));

        Assert.Equal("1", rig.Value("a", prepared.Add(TimeSpan.FromMilliseconds(150))));
        rig.Range.Time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("1", rig.Value("a", prepared.Add(TimeSpan.FromSeconds(2.0))));
        Assert.Null(rig.Value("a", prepared.Add(TimeSpan.FromSeconds(2.2))));
    }

    [Fact]
    public void The_leader_looks_for_old_intents_by_itself_and_for_all_when_it_begins()
    {
        var rig = new ParticipantRig();
        var (id, _) = rig.Prepared(RangeRig.Put("a", "1"));
        rig.Range.Pass(TimeSpan.FromSeconds(4));
        Assert.Empty(rig.Range.Recovery.Asked);

        rig.Range.Pass(TimeSpan.FromSeconds(2));
        Assert.Contains(id, rig.Range.Recovery.Asked);

        rig.Restart();
        Assert.Equal(id, Assert.Single(rig.Range.Recovery.Asked));
    }

    [Fact]
    public void A_transaction_that_is_waited_for_is_handed_over_before_it_is_old()
    {
        var rig = new ParticipantRig();
        var (id, _) = rig.Prepared(RangeRig.Put("a", "1"));
        _ = rig.BeginRead("a");

        rig.Range.Pass(TimeSpan.FromSeconds(1.5));

        Assert.Contains(id, rig.Range.Recovery.Asked);
    }

    [Fact]
    public async Task Garbage_collection_stays_below_undecided_intents()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "new"));
        rig.Range.Time.Advance(TimeSpan.FromSeconds(1));

        var raising = rig.Range.Leader.RaiseGcThresholdAsync(rig.Now.Previous);
        rig.Range.Flush();
        Assert.Equal(prepared.Previous, await raising);

        rig.Resolve(id, prepared);
        Assert.Equal("new", rig.Value("a", prepared));
    }

    private static TransactionWork Reading(TransactionWork work, string key, bool interval) => interval
        ? work with { ReadIntervals = [new RoutingInterval(Records.Key(key).ToArray(), Records.Key(key + "\0").ToArray())] }
        : work with { ReadKeys = [Records.Key(key)] };
}

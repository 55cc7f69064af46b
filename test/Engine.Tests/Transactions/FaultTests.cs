using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Each deliberate error does what its name says: the promise that it breaks is kept without it and broken with it.</summary>
public sealed class FaultTests
{
    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.ReadPastIntent, false)]
    internal void An_intent_is_never_read_past(TransactionFaults faults, bool waits)
    {
        var rig = new ParticipantRig(faults);
        var (_, prepared) = rig.Prepared(RangeRig.Put("a", "1"));

        Assert.Equal(waits, !rig.BeginRead("a", prepared).IsCompleted);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.NoWatermark, false)]
    internal void Nothing_commits_below_a_snapshot_that_was_read(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var snapshot = rig.Now.Add(TimeSpan.FromMilliseconds(100));
        rig.Read("a", snapshot);

        Assert.Equal(holds, rig.Range.Write(RangeRig.Put("a", "1")).Version > snapshot);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.BelowReadTimestamp, false)]
    internal void A_commit_is_above_its_snapshot(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var snapshot = rig.Now.Add(TimeSpan.FromMilliseconds(100));

        Assert.Equal(holds, rig.PreparedAt(rig.Work(rig.NewId(), snapshot, RangeRig.Put("a", "1"))) > snapshot);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.NoRaise, false)]
    internal void A_resolved_lock_guards_up_to_the_commit(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var id = rig.NewId();
        var prepared = rig.PreparedAt(rig.Work(id, id.Began) with { ReadKeys = [Records.Key("r")] });
        var commit = prepared.Add(TimeSpan.FromMilliseconds(100));
        rig.Resolve(id, commit);

        Assert.Equal(holds, rig.Range.Write(RangeRig.Put("r", "1")).Version > commit);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.LatePrepare, false)]
    internal void A_decided_transaction_does_not_prepare(TransactionFaults faults, bool refused)
    {
        var rig = new ParticipantRig(faults);
        var id = rig.NewId();
        rig.Abort(id);

        Assert.Equal(refused, rig.Prepare(rig.Work(id, id.Began, RangeRig.Put("a", "1"))).Failure is not null);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.ForgetDecision, false)]
    internal void An_anchor_knows_what_it_decided(TransactionFaults faults, bool knows)
    {
        var rig = new ParticipantRig(faults);
        var id = rig.NewId();
        var work = rig.Work(id, id.Began, RangeRig.Put("a", "1"));
        var commit = rig.CommitForOthers(work).CommitTimestamp;

        Assert.Equal(knows, rig.Decide(work, aborts: true).Outcome == commit);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.AnchorBelowPrepares, false)]
    internal void An_anchor_commits_above_what_is_prepared_elsewhere(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var id = rig.NewId();
        var prepared = rig.Now.Add(TimeSpan.FromMilliseconds(100));

        Assert.Equal(holds, rig.CommitForOthers(rig.Work(id, id.Began, RangeRig.Put("a", "1")), prepared).CommitTimestamp > prepared);
    }

    [Theory]
    [InlineData(TransactionFaults.None, false)]
    [InlineData(TransactionFaults.AnchorWaits, true)]
    internal void Who_holds_intents_elsewhere_does_not_wait_for_an_older_one(TransactionFaults faults, bool waits)
    {
        var rig = new ParticipantRig(faults);
        rig.Prepared(RangeRig.Put("a", "1"));
        var younger = rig.NewId();
        var committing = rig.BeginCommitForOthers(rig.Work(younger, rig.Now, RangeRig.Put("a", "2")), Timestamp.Zero);

        Assert.Equal(waits, !committing.IsCompleted);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.NoDeadline, false)]
    internal void Nothing_happens_after_a_deadline(TransactionFaults faults, bool refused)
    {
        var rig = new ParticipantRig(faults);
        var old = rig.NewId(TimeSpan.FromSeconds(40));

        Assert.Equal(refused, rig.Prepare(rig.Work(old, rig.Now, RangeRig.Put("a", "1"))).Failure is not null);
        Assert.Equal(refused, rig.Commit(rig.Work(rig.NewId(TimeSpan.FromSeconds(40)), rig.Now, RangeRig.Put("b", "1"))).Failure is not null);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.SkipUncertainty, false)]
    internal void A_version_in_the_window_is_uncertain(TransactionFaults faults, bool uncertain)
    {
        var rig = new ParticipantRig(faults);
        var snapshot = rig.Now;
        rig.Range.Write(RangeRig.Put("a", "1"));

        var read = rig.Read("a", snapshot, new TransactionReader(rig.NewId(), snapshot.Add(TimeSpan.FromMilliseconds(250)), []));

        Assert.Equal(uncertain, !read.UncertainAt.IsZero);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.ForgetIntentInClosed, false)]
    internal void Closed_time_stays_below_undecided_intents(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var (_, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        rig.Range.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(holds, rig.Range.Acceptor.Closed < prepared);
        Assert.Equal(holds, rig.Range.Acceptor.NewestSnapshot < prepared);
    }

    [Theory]
    [InlineData(TransactionFaults.None, true)]
    [InlineData(TransactionFaults.LatePrepare, false)]
    internal void What_was_given_up_does_not_commit(TransactionFaults faults, bool holds)
    {
        var rig = new ParticipantRig(faults);
        var id = rig.NewId();
        rig.Fence(id);

        Assert.Equal(holds, rig.Commit(rig.Work(id, id.Began, RangeRig.Put("a", "1"))).Failure is not null);
    }
}

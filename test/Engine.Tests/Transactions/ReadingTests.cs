using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Reads that meet intents, and what a transaction is told of versions above its snapshot.</summary>
public sealed class ReadingTests
{
    private static readonly TimeSpan Offset = TimeSpan.FromMilliseconds(250);

    [Fact]
    public void A_present_read_waits_for_an_intent_since_it_may_be_acknowledged()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "new"));
        var reading = rig.BeginRead("a");
        var scanning = rig.BeginScan();
        Assert.False(reading.IsCompleted || scanning.IsCompleted);

        // Another range's clock is far ahead: the version is above everything that this clock has said, and still seen.
        var commit = prepared.Add(TimeSpan.FromMilliseconds(240));
        rig.Resolve(id, commit);

        Assert.Equal(commit, rig.Flushed(reading).Version);
        Assert.Equal(commit, Assert.Single(rig.Flushed(scanning).Items).Version);
    }

    [Fact]
    public void A_present_read_of_another_key_does_not_wait()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("b", "1"));
        rig.Prepared(RangeRig.Put("a", "new"));

        Assert.True(rig.BeginRead("b").IsCompleted);
        Assert.True(rig.BeginScan(end: "a").IsCompleted);
    }

    [Fact]
    public void A_present_read_does_not_wait_for_what_nobody_was_told_is_prepared()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));
        var id = rig.NewId();
        _ = rig.BeginPrepare(rig.Work(id, id.Began, RangeRig.Put("a", "new")));

        var read = rig.BeginRead("a").Answered();

        Assert.Equal("old", Encoding.UTF8.GetString(read.Value.Span));
    }

    [Fact]
    public void A_snapshot_below_the_intent_is_read_at_once_and_one_above_waits()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "old"));
        var (id, prepared) = rig.Prepared(RangeRig.Put("a", "new"));

        Assert.Equal("old", rig.Value("a", prepared.Previous));
        var reading = rig.BeginRead("a", prepared);
        var scanning = rig.BeginScan(prepared);
        rig.Range.Flush();
        Assert.False(reading.IsCompleted || scanning.IsCompleted);
        rig.Resolve(id, prepared.Next);

        Assert.Equal("old", Encoding.UTF8.GetString(rig.Flushed(reading).Value.Span));
        Assert.Equal("old", Encoding.UTF8.GetString(Assert.Single(rig.Flushed(scanning).Items).Value.Span));
    }

    [Fact]
    public void A_scan_of_the_present_waits_once_for_what_comes_while_it_waits()
    {
        var rig = new ParticipantRig();
        var (first, firstPrepared) = rig.Prepared(RangeRig.Put("a", "1"));
        var scanning = rig.BeginScan();
        var (second, secondPrepared) = rig.Prepared(RangeRig.Put("b", "2"));
        rig.Resolve(first, firstPrepared);
        rig.Prepared(RangeRig.Put("c", "3")); // after the scan has settled on its snapshot
        rig.Resolve(second, secondPrepared);
        rig.Range.Flush();

        var rows = scanning.Answered();

        Assert.Null(rows.Failure);
        Assert.Equal(["a", "b"], rows.Items.Select(item => Encoding.UTF8.GetString(item.Key.Span)));
    }

    [Fact]
    public void A_version_above_the_snapshot_may_have_been_acknowledged_before()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var snapshot = rig.Now;
        var version = rig.Range.Write(RangeRig.Put("a", "1")).Version;

        var read = rig.Read("a", snapshot, Reader(id, snapshot));
        var scan = rig.Scan(snapshot, Reader(id, snapshot));

        Assert.Equal((version, false), (read.UncertainAt, read.Found));
        Assert.Equal((version, 0), (scan.UncertainAt, scan.Items.Count));
        Assert.True(read.Clock >= version, "and what this node writes from now on is later");
    }

    [Fact]
    public void What_was_written_after_the_first_contact_is_later()
    {
        var rig = new ParticipantRig();
        var id = rig.NewId();
        var snapshot = rig.Now;
        var contact = rig.Read("other", snapshot, Reader(id, snapshot)).Clock;
        rig.Range.Write(RangeRig.Put("a", "1"));

        var read = rig.Read("a", snapshot, Reader(id, snapshot, new ObservedClock("node1", contact)));
        var elsewhere = rig.Read("a", snapshot, Reader(id, snapshot, new ObservedClock("node2", contact)));

        Assert.True(read.UncertainAt.IsZero && !read.Found);
        Assert.False(elsewhere.UncertainAt.IsZero, "another node's clock says nothing about this one's versions");
    }

    [Fact]
    public void After_the_first_contact_the_time_of_the_prepare_counts_and_not_that_of_the_commit()
    {
        var rig = new ParticipantRig();
        var snapshot = rig.Now;
        var (writer, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        var contact = rig.Now;
        rig.Resolve(writer, contact.Add(TimeSpan.FromMilliseconds(100)));

        var read = rig.Read("a", snapshot, Reader(rig.NewId(), snapshot, new ObservedClock("node1", contact)));

        Assert.Equal(contact.Add(TimeSpan.FromMilliseconds(100)), read.UncertainAt);
        Assert.True(rig.Read("a", snapshot, Reader(rig.NewId(), snapshot, new ObservedClock("node1", prepared.Previous))).UncertainAt.IsZero);
    }

    [Fact]
    public void A_new_leader_does_not_trust_readings_of_before_its_time()
    {
        var rig = new ParticipantRig();
        var snapshot = rig.Now;
        var contact = rig.Now;
        var version = rig.Range.Write(RangeRig.Put("a", "1")).Version;
        rig.Restart();

        Assert.Equal(version, rig.Read("a", snapshot, Reader(rig.NewId(), snapshot, new ObservedClock("node1", contact))).UncertainAt);
    }

    [Fact]
    public void What_lies_beyond_the_window_is_certainly_later()
    {
        var rig = new ParticipantRig();
        var snapshot = rig.Now;
        rig.Range.Time.Advance(TimeSpan.FromMilliseconds(251));
        rig.Range.Write(RangeRig.Put("a", "1"));

        Assert.True(rig.Read("a", snapshot, Reader(rig.NewId(), snapshot)).UncertainAt.IsZero);
    }

    [Fact]
    public void An_intent_in_the_window_is_waited_for()
    {
        var rig = new ParticipantRig();
        var snapshot = rig.Now;
        var (writer, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        var reading = rig.BeginRead("a", snapshot, Reader(rig.NewId(), snapshot));
        Assert.False(reading.IsCompleted);
        Assert.True(rig.BeginRead("a", snapshot).IsCompleted, "a snapshot that the client names has no window");

        rig.Resolve(writer, prepared);

        Assert.Equal(prepared, rig.Flushed(reading).UncertainAt);
    }

    [Fact]
    public void A_deletion_in_the_window_is_uncertain_too()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "1"));
        var snapshot = rig.Now;
        var (writer, prepared) = rig.Prepared(RangeRig.Delete("a"));
        rig.Resolve(writer, prepared);

        Assert.Equal(prepared, rig.Read("a", snapshot, Reader(rig.NewId(), snapshot)).UncertainAt);
        Assert.Equal(prepared, rig.Scan(snapshot, Reader(rig.NewId(), snapshot)).UncertainAt);
    }

    [Fact]
    public void Only_the_rows_of_a_page_make_it_uncertain()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "1"), RangeRig.Put("b", "1"), RangeRig.Put("c", "1"));
        var snapshot = rig.Now;
        rig.Range.Write(RangeRig.Put("c", "2"));

        var forward = rig.Flushed(rig.BeginScan(snapshot, Reader(rig.NewId(), snapshot), limit: 2));
        var backward = rig.Flushed(rig.BeginScan(snapshot, Reader(rig.NewId(), snapshot), limit: 2, reverse: true));

        Assert.True(forward.UncertainAt.IsZero);
        Assert.Equal(2, forward.Items.Count);
        Assert.False(backward.UncertainAt.IsZero);
    }

    [Fact]
    public void A_snapshot_moves_where_nothing_changed_and_stays_where_something_did()
    {
        var rig = new ParticipantRig();
        var after = rig.Now;
        var version = rig.Range.Write(RangeRig.Put("a", "1")).Version;

        Assert.Null(rig.Refresh(after, version.Previous, "a"));
        Assert.Null(rig.Refresh(after, version, "b"));
        var failure = rig.Refresh(after, version, "b", "a")!;
        Assert.Equal(ErrorCode.TransactionConflict, failure.Code);
        Assert.Equal("a"u8.ToArray(), Assert.Single(failure.Keys).Key.ToArray());
    }

    [Fact]
    public void A_refresh_waits_for_intents_below_and_nothing_commits_there_afterwards()
    {
        var rig = new ParticipantRig();
        var after = rig.Now;
        var (holder, prepared) = rig.Prepared(RangeRig.Put("a", "1"));
        var upTo = prepared.Add(TimeSpan.FromMilliseconds(100));
        var refreshing = rig.BeginRefresh(after, upTo, "a");
        Assert.False(refreshing.IsCompleted);
        rig.Abort(holder);

        Assert.Null(rig.Flushed(refreshing));
        Assert.True(rig.Range.Write(RangeRig.Put("a", "2")).Version > upTo);
    }

    [Fact]
    public async Task Garbage_collection_stays_below_snapshots_that_may_be_in_use_and_not_for_ever()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "1"));
        var snapshot = rig.Now;
        rig.Read("a", snapshot, Reader(rig.NewId(), snapshot));
        rig.Range.Write(RangeRig.Put("a", "2"));
        rig.Range.Pass(TimeSpan.FromSeconds(30));

        Assert.Equal(snapshot, await Raise(rig));
        rig.Range.Time.Advance(2 * ReadProtection.Window);
        Assert.True(await Raise(rig) > snapshot);
    }

    [Fact]
    public async Task A_new_leader_collects_nothing_before_everybody_would_have_asked_again()
    {
        var rig = new ParticipantRig();
        rig.Range.Write(RangeRig.Put("a", "1"));
        var snapshot = rig.Now;
        rig.Read("a", snapshot, Reader(rig.NewId(), snapshot));
        rig.Range.Write(RangeRig.Put("a", "2"));
        rig.Restart();

        Assert.Equal(Timestamp.Zero, await Raise(rig));
        rig.Range.Pass(TimeSpan.FromSeconds(50));
        Assert.Equal("1", Encoding.UTF8.GetString(rig.Read("a", snapshot, new TransactionReader(rig.NewId(), Timestamp.Zero, [])).Value.Span));
        rig.Range.Pass(RangeLeader.InheritedFor - TimeSpan.FromSeconds(50));
        Assert.Equal(snapshot, await Raise(rig));
    }

    private static async Task<Timestamp> Raise(ParticipantRig rig)
    {
        var raising = rig.Range.Leader.RaiseGcThresholdAsync(rig.Now.Previous);
        rig.Range.Flush();
        return await raising;
    }

    private static TransactionReader Reader(TransactionId id, Timestamp snapshot, params ObservedClock[] observed) => new(id, snapshot.Add(Offset), observed);
}

using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Changes;

public sealed class RangeChangesTests
{
    [Fact]
    public void Everything_after_a_timestamp_comes_in_order_with_what_it_replaced()
    {
        var rig = RangeRig.New();
        var first = rig.Write(RangeRig.Put("b", "1")).Version;
        var second = rig.Write(RangeRig.Put("a", "2")).Version;
        var third = rig.Write(RangeRig.Delete("b")).Version;
        var fourth = rig.Write(RangeRig.Put("b", "3"), RangeRig.Put("a", "4")).Version;

        var answer = Read(rig, first.Previous);

        Assert.Equal(
            [("b", first, false, default), ("a", second, false, default), ("b", third, true, first), ("a", fourth, false, second), ("b", fourth, false, default(Timestamp))],
            answer.Changes.Select(change => (KeyOf(change), change.Version, change.Deleted, change.Previous)));
        Assert.Equal("text/plain", answer.Changes[0].ContentType);
        Assert.Equal("1", Encoding.UTF8.GetString(answer.Changes[0].Value.Span));
        Assert.Equal(["a", "b"], Read(rig, third).Changes.Select(KeyOf));
        Assert.Empty(Read(rig, fourth).Changes);
    }

    [Fact]
    public void What_is_not_committed_is_neither_shown_nor_passed_over()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        var before = Read(rig, Timestamp.Zero).Resolved;
        var writing = rig.Begin(RangeRig.Put("k", "2"));

        var meanwhile = Read(rig, before);
        rig.Flush();

        Assert.Empty(meanwhile.Changes);
        Assert.True(meanwhile.Resolved < writing.Answered().Version);
        Assert.Equal([writing.Answered().Version], Read(rig, meanwhile.Resolved).Changes.Select(change => change.Version));
    }

    [Fact]
    public void Nothing_is_committed_at_or_below_what_is_resolved()
    {
        var rig = RangeRig.New();
        var resolved = Read(rig, rig.Clock.Now().Add(TimeSpan.FromMilliseconds(100))).Resolved;

        Assert.True(rig.Write(RangeRig.Put("k", "v")).Version > resolved);
        Assert.True(resolved > rig.Clock.Now().Add(TimeSpan.FromMilliseconds(-1)));
    }

    [Fact]
    public void Who_waits_is_woken_by_a_commit_in_its_interval_and_by_no_other()
    {
        var rig = RangeRig.New();
        var waiting = Wait(rig, rig.Clock.Now(), start: "b", end: "c");
        Assert.Equal(1, rig.Leader.Watchers);

        rig.Write(RangeRig.Put("a", "1"));
        rig.Write(RangeRig.Put("c", "1"));
        Assert.False(waiting.IsCompleted);

        var version = rig.Write(RangeRig.Put("b", "1")).Version;
        var answer = waiting.Answered();
        Assert.Equal([version], answer.Changes.Select(change => change.Version));
        Assert.True(answer.Resolved >= version);
        Assert.Equal(0, rig.Leader.Watchers);
    }

    [Fact]
    public void Patience_ends_with_how_far_the_range_is_resolved()
    {
        var rig = RangeRig.New();
        var after = rig.Clock.Now();
        var waiting = Wait(rig, after);

        rig.Time.Advance(TimeSpan.FromSeconds(4));
        Tick(rig);
        Assert.False(waiting.IsCompleted);
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        Tick(rig);

        var answer = waiting.Answered();
        Assert.Empty(answer.Changes);
        Assert.Equal(after.Milliseconds + 5000, answer.Resolved.Milliseconds);
    }

    [Fact]
    public void Who_wants_to_know_a_timestamp_resolved_waits_for_commits_on_their_way_and_for_nothing_else()
    {
        var rig = RangeRig.New();
        var wanted = rig.Clock.Now().Add(TimeSpan.FromMilliseconds(50));
        Assert.True(Wait(rig, Timestamp.Zero, atLeast: wanted).Answered().Resolved >= wanted);

        _ = rig.Begin(RangeRig.Put("other", "1"));
        wanted = wanted.Add(TimeSpan.FromMilliseconds(50));
        var waiting = Wait(rig, Timestamp.Zero, start: "x", atLeast: wanted);
        Assert.False(waiting.IsCompleted);
        rig.Flush();
        Assert.True(waiting.Answered().Resolved >= wanted);
    }

    [Fact]
    public void A_leader_that_stops_says_so_to_who_waits()
    {
        var rig = RangeRig.New();
        var waiting = Wait(rig, rig.Clock.Now());

        _ = rig.Leader.DisposeAsync().AsTask();
        rig.Flush();

        Assert.Equal(ErrorCode.RangeMoved, waiting.Answered().Failure!.Code);
    }

    [Fact]
    public void Who_gives_up_waits_no_longer()
    {
        var rig = RangeRig.New();
        using var giveUp = new CancellationTokenSource();
        var waiting = rig.Leader.ChangesAsync(Request(rig.Clock.Now(), wait: 5), giveUp.Token).AsTask();

        giveUp.Cancel();

        Assert.True(waiting.IsCanceled);
        Assert.Equal(0, rig.Leader.Watchers);
    }

    [Fact]
    public void Only_so_many_may_wait()
    {
        var rig = RangeRig.New();
        var after = rig.Clock.Now();
        for (var i = 0; i < ChangeWatchers.MaxWatchers; i++)
            Assert.False(Wait(rig, after).IsCompleted);

        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), (Wait(rig, after).Answered().Failure!.Code, Wait(rig, after).Answered().Failure!.Outcome));
        Assert.Null(Read(rig, after).Failure);
    }

    [Fact]
    public void A_cursor_at_the_threshold_is_served_and_one_below_is_gone()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        var threshold = rig.Clock.Now();
        var after = rig.Write(RangeRig.Put("k", "2"), RangeRig.Put("l", "1")).Version;
        Raise(rig, threshold);

        Assert.Equal([after, after], Read(rig, threshold).Changes.Select(change => change.Version));
        var gone = Read(rig, threshold.Previous).Failure!;
        Assert.Equal((ErrorCode.CursorCompacted, threshold), (gone.Code, gone.GcThreshold));
    }

    [Fact]
    public void What_a_change_replaced_does_not_depend_on_what_was_collected()
    {
        var rig = RangeRig.New();
        var kept = rig.Write(RangeRig.Put("kept", "1")).Version;
        rig.Write(RangeRig.Put("deleted", "1"));
        rig.Write(RangeRig.Delete("deleted"));
        rig.Write(RangeRig.Put("expired", "1", timeToLive: TimeSpan.FromSeconds(1)));
        rig.Time.Advance(TimeSpan.FromSeconds(2));
        var threshold = rig.Clock.Now();
        rig.Write(RangeRig.Put("kept", "2"), RangeRig.Put("deleted", "2"), RangeRig.Put("expired", "2"));
        var before = Previous();

        Raise(rig, threshold);
        while (!rig.Replica.CollectGarbageSlice(1))
        {
        }

        Assert.Equal([("deleted", default), ("expired", default), ("kept", kept)], before);
        Assert.Equal(before, Previous());

        IEnumerable<(string, Timestamp)> Previous() => [.. Read(rig, threshold).Changes.Select(change => (KeyOf(change), change.Previous))];
    }

    [Fact]
    public void The_future_is_refused()
    {
        var rig = RangeRig.New();

        Assert.Equal(ErrorCode.InvalidRequest, Read(rig, rig.Clock.Now().Add(TimeSpan.FromMinutes(1))).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, Wait(rig, Timestamp.Zero, atLeast: rig.Clock.Now().Add(TimeSpan.FromMinutes(1))).Answered().Failure!.Code);
    }

    [Fact]
    public void A_connected_feed_keeps_its_place_from_collection_for_as_long_as_it_asks_and_no_longer_than_the_bound()
    {
        var rig = RangeRig.New();
        var hold = rig.Write(RangeRig.Put("k", "1")).Version;
        var feed = Guid.NewGuid();
        Renew();
        rig.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(hold, Raise(rig, rig.Clock.Now().Add(TimeSpan.FromSeconds(-1))));

        for (var passed = TimeSpan.Zero; passed < ChangeProtections.MaxHeldBack; passed += TimeSpan.FromSeconds(30))
        {
            rig.Time.Advance(TimeSpan.FromSeconds(30));
            Renew();
        }

        var wanted = rig.Clock.Now().Add(TimeSpan.FromSeconds(-1));
        Assert.Equal(wanted.Add(-ChangeProtections.MaxHeldBack), Raise(rig, wanted));
        rig.Time.Advance(ChangeProtections.Lifetime);
        wanted = rig.Clock.Now().Add(TimeSpan.FromSeconds(-1));
        Assert.Equal(wanted, Raise(rig, wanted));

        void Renew() => _ = rig.Leader.ChangesAsync(Request(rig.Clock.Now(), wait: 0) with { Feed = feed, Hold = hold }, CancellationToken.None).AsTask().Answered();
    }

    [Fact]
    public void An_answer_ends_behind_a_whole_commit()
    {
        var rig = RangeRig.New();
        var first = rig.Write(RangeRig.Put("a", "1"), RangeRig.Put("b", "1"), RangeRig.Put("c", "1")).Version;
        var second = rig.Write(RangeRig.Put("a", "2")).Version;

        foreach (var isRemembered in (bool[])[false, true])
        {
            Assert.Equal(isRemembered, rig.Replica.Store.RecentAfter < first);
            var answer = rig.Leader.ChangesAsync(Request(first.Previous, wait: 0) with { MaxChanges = 2 }, CancellationToken.None).AsTask().Answered();
            Assert.Equal([first, first, first], answer.Changes.Select(change => change.Version));
            Assert.Equal(second.Previous, answer.Resolved);
            if (isRemembered)
                break;

            // Once somebody watches, what comes is remembered.
            first = rig.Write(RangeRig.Put("a", "1"), RangeRig.Put("b", "1"), RangeRig.Put("c", "1")).Version;
            second = rig.Write(RangeRig.Put("a", "2")).Version;
        }
    }

    [Fact]
    public void What_nobody_asks_for_is_not_remembered()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("a", "1"));
        Assert.Null(rig.Replica.Store.RecentAfter);
        Read(rig, Timestamp.Zero);
        Assert.NotNull(rig.Replica.Store.RecentAfter);

        rig.Time.Advance(TimeSpan.FromMinutes(2));
        Tick(rig);
        Assert.Null(rig.Replica.Store.RecentAfter);
    }

    private static void Tick(RangeRig rig)
    {
        rig.Leader.Tick();
        rig.Flush();
    }

    private static Timestamp Raise(RangeRig rig, Timestamp threshold)
    {
        var raising = rig.Leader.RaiseGcThresholdAsync(threshold);
        rig.Flush();
        return raising.Answered();
    }

    private static RangeChangesResult Read(RangeRig rig, Timestamp after) => rig.Leader.ChangesAsync(Request(after, wait: 0), CancellationToken.None).AsTask().Answered();

    private static Task<RangeChangesResult> Wait(RangeRig rig, Timestamp after, string start = "", string? end = null, Timestamp? atLeast = null) =>
        rig.Leader.ChangesAsync(
            Request(after, wait: 5) with { Start = Encoding.UTF8.GetBytes(start), End = end is null ? null : Encoding.UTF8.GetBytes(end), AtLeast = atLeast ?? Timestamp.Max },
            CancellationToken.None).AsTask();

    private static RangeChanges Request(Timestamp after, int wait) => new() { After = after, Generation = 1, Wait = TimeSpan.FromSeconds(wait) };

    private static string KeyOf(RangeChange change) => Encoding.UTF8.GetString(change.Key.Span);
}

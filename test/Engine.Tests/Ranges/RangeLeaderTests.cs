using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Ranges;

public sealed class RangeLeaderTests
{
    private static readonly WriteCondition MustNotExist = new(ConditionKind.NotExists, default);

    [Fact]
    public void A_write_is_answered_only_after_its_flush()
    {
        var rig = RangeRig.New();

        var writing = rig.Begin(RangeRig.Put("k", "v"));

        Assert.False(writing.IsCompleted);
        rig.Flush();
        Assert.Null(writing.Answered().Failure);
        Assert.Equal("v", rig.Read("k"));
    }

    [Fact]
    public void What_is_not_durable_is_not_readable()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "old"));
        _ = rig.Begin(RangeRig.Put("k", "new"));

        var reading = rig.BeginRead("k");

        Assert.True(reading.IsCompleted, "a read of the present waits for nobody");
        Assert.Equal("old"u8.ToArray(), reading.Answered().Value.ToArray());
    }

    [Fact]
    public void Reading_again_at_a_reads_timestamp_gives_the_same()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "old"));
        _ = rig.Begin(RangeRig.Put("k", "new"));
        var before = rig.BeginRead("k").Answered();
        rig.Flush();

        Assert.Equal("old", rig.Read("k", before.ReadTimestamp));
        Assert.Equal("new", rig.Read("k"));
    }

    [Fact]
    public void A_snapshot_read_waits_for_what_is_on_its_way_below_it()
    {
        var rig = RangeRig.New();
        var writing = rig.Begin(RangeRig.Put("k", "v"));

        var reading = rig.BeginRead("k", rig.Clock.Now());

        Assert.False(reading.IsCompleted);
        rig.Flush();
        Assert.True(writing.IsCompleted);
        Assert.True(reading.Answered().Found);
    }

    [Fact]
    public void No_commit_gets_a_timestamp_at_or_below_a_snapshot_that_was_read()
    {
        var rig = RangeRig.New();
        var ahead = rig.Clock.Now().Add(TimeSpan.FromMilliseconds(100));
        Assert.Null(rig.Read("k", ahead));

        var written = rig.Write(RangeRig.Put("k", "v"));

        Assert.True(written.Version > ahead);
        Assert.Null(rig.Read("k", ahead));
    }

    [Fact]
    public void Conditions_see_what_is_proposed_before_them()
    {
        var rig = RangeRig.New();

        var first = rig.Begin(RangeRig.Put("k", "1", MustNotExist));
        var second = rig.Begin(RangeRig.Put("k", "2", MustNotExist));

        Assert.False(second.IsCompleted, "a refusal that rests on a proposal waits until that is durable");
        rig.Flush();
        Assert.Null(first.Answered().Failure);
        Assert.Equal(ErrorCode.VersionMismatch, second.Answered().Failure!.Code);
        Assert.Equal(first.Answered().Version, second.Answered().Failure!.CurrentVersion);
    }

    [Fact]
    public async Task A_chain_of_conditional_writes_on_one_key_commits_in_few_batches()
    {
        var rig = RangeRig.New();
        var version = rig.Write(RangeRig.Put("k", "0")).Version;
        var before = rig.Disk.Operations;

        // Each link expects what the one before proposed: the test learns its version by being refused.
        var chain = new List<Task<WriteResult>>();
        for (var i = 0; i < 10; i++)
        {
            chain.Add(rig.Begin(RangeRig.Put("k", $"{i}", new WriteCondition(ConditionKind.Exists, default))));
        }

        rig.Flush();
        var results = await Task.WhenAll(chain);
        Assert.All(results, result => Assert.Null(result.Failure));
        Assert.Equal(results.OrderBy(result => result.Version).Select(result => result.Version), results.Select(result => result.Version));
        Assert.True(results[0].Version > version);
        Assert.InRange(rig.Disk.Operations - before, 1, 4);
    }

    [Fact]
    public void Several_writes_happen_together_or_not_at_all()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("b", "there"));

        var refused = rig.Write(RangeRig.Put("a", "1"), RangeRig.Put("b", "2", MustNotExist));
        var accepted = rig.Write(RangeRig.Put("a", "1"), RangeRig.Put("b", "2"));

        Assert.Equal(ErrorCode.VersionMismatch, refused.Failure!.Code);
        Assert.Null(accepted.Failure);
        Assert.Equal("1", rig.Read("a", accepted.Version));
        Assert.Null(rig.Read("a", accepted.Version.Previous));
    }

    [Fact]
    public void Deleting_what_is_not_there_succeeds_and_logs_nothing()
    {
        var rig = RangeRig.New();
        var before = rig.Replica.AppliedLsn;

        Assert.Null(rig.Write(RangeRig.Delete("k")).Failure);
        Assert.Equal(ErrorCode.VersionMismatch, rig.Write(RangeRig.Delete("k", new WriteCondition(ConditionKind.Exists, default))).Failure!.Code);
        Assert.Equal(before, rig.Replica.AppliedLsn);
    }

    [Fact]
    public void A_value_whose_time_is_over_is_absent_also_to_conditions()
    {
        var rig = RangeRig.New();
        var written = rig.Write(RangeRig.Put("k", "v", timeToLive: TimeSpan.FromSeconds(60)));
        Assert.Equal("v", rig.Read("k"));

        rig.Time.Advance(TimeSpan.FromSeconds(61));

        Assert.Null(rig.Read("k"));
        Assert.Equal("v", rig.Read("k", written.Version));
        Assert.Null(rig.Write(RangeRig.Put("k", "again", MustNotExist)).Failure);
    }

    [Fact]
    public void Below_the_threshold_nothing_is_read()
    {
        var rig = RangeRig.New();
        var first = rig.Write(RangeRig.Put("k", "1")).Version;
        rig.Time.Advance(TimeSpan.FromHours(2));
        var second = rig.Write(RangeRig.Put("k", "2")).Version;

        var raising = rig.Leader.RaiseGcThresholdAsync(second);
        rig.Flush();
        Assert.True(raising.IsCompletedSuccessfully);
        while (!rig.Replica.CollectGarbageSlice(100))
        {
        }

        Assert.Equal(ErrorCode.SnapshotTooOld, rig.BeginRead("k", first).Answered().Failure!.Code);
        Assert.Equal("2", rig.Read("k", second));
        Assert.Equal("2", rig.Restart(rig.Disk.AfterProcessKill()).Read("k"));
        Assert.Equal(ErrorCode.SnapshotTooOld, rig.Restart(rig.Disk.AfterProcessKill()).BeginRead("k", first).Answered().Failure!.Code);
    }

    [Fact]
    public void A_full_queue_refuses_and_drops_nothing()
    {
        var rig = RangeRig.New();
        var accepted = Enumerable.Range(0, RangeRig.Bounds.MaxPendingRecords).Select(i => rig.Begin(RangeRig.Put($"k{i}", "v"))).ToList();

        var refused = rig.Begin(RangeRig.Put("more", "v")).Answered().Failure!;

        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), (refused.Code, refused.Outcome));
        rig.Flush();
        Assert.All(accepted, writing => Assert.Null(writing.Answered().Failure));
        Assert.Null(rig.Read("more"));
    }

    [Fact]
    public async Task A_second_leader_raises_the_epoch_and_the_first_takes_nothing_more()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        await rig.Leader.DisposeAsync();
        var second = rig.NewLeader();
        var starting = second.StartAsync();
        rig.Flush();
        Assert.Null(await starting);

        var refused = rig.Write(RangeRig.Put("k", "2")).Failure!;

        Assert.Equal((ErrorCode.RangeMoved, Outcome.NotApplied), (refused.Code, refused.Outcome));
        Assert.Equal(rig.Leader.Epoch.Next, second.Epoch);
    }

    [Fact]
    public void A_value_above_the_limit_is_refused()
    {
        var refused = RangeRig.New().Write(RangeRig.Put("k", new string('x', 1025))).Failure!;

        Assert.Equal(ErrorCode.ValueTooLarge, refused.Code);
        Assert.Contains("1024", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_of_a_scan_are_one_snapshot_in_both_directions()
    {
        var rig = RangeRig.New();
        for (var i = 0; i < 25; i++)
            rig.Write(RangeRig.Put($"k{i:D2}", "old"));

        foreach (var reverse in new[] { false, true })
        {
            var keys = new List<string>();
            Timestamp at = default;
            byte[]? resume = null;
            do
            {
                var page = rig.Leader.ScanAsync(new RangeScan(
                    reverse ? [] : resume ?? [], reverse ? resume : null, at, 10, reverse, KeysOnly: false, 1 << 20, Filter: null, Generation: 1)).AsTask().Answered();
                Assert.Null(page.Failure);
                Assert.All(page.Items, item => Assert.Equal("old"u8.ToArray(), item.Value.ToArray()));
                keys.AddRange(page.Items.Select(item => System.Text.Encoding.UTF8.GetString(item.Key.Span)));
                at = page.ReadTimestamp;
                resume = page.ResumeKey;
                rig.Write(RangeRig.Put($"k{keys.Count:D2}x", "new"));
            }
            while (resume is not null);
            var expected = Enumerable.Range(0, 25).Select(i => $"k{i:D2}").ToList();
            if (reverse)
                expected.Reverse();
            Assert.Equal(expected, keys);
            for (var i = 0; i <= 30; i++)
                rig.Write(RangeRig.Delete($"k{i:D2}x"));
        }
    }

    [Fact]
    public void A_wall_clock_that_was_set_back_does_not_hide_what_was_written_before()
    {
        var rig = RangeRig.New();
        var written = rig.Write(RangeRig.Put("k", "v")).Version;
        var earlier = new FakeTimeProvider(rig.Time.GetUtcNow() - TimeSpan.FromMinutes(10));

        var after = new RangeRig(rig.Disk.AfterProcessKill(), earlier);

        var read = after.BeginRead("k").Answered();
        Assert.True(read.Found);
        Assert.Equal("v", after.Read("k", written));
        Assert.Equal("v", after.Read("k", read.ReadTimestamp));
        Assert.True(after.Write(RangeRig.Put("k", "w")).Version > written);
    }

    [Fact]
    public void Checkpoints_let_the_log_go()
    {
        var rig = RangeRig.New();
        for (var round = 0; round < 20; round++)
        {
            for (var i = 0; i < 40; i++)
                rig.Write(RangeRig.Put($"k{i}", new string('x', 500)));
            Assert.NotNull(rig.Replica.Checkpoint(CancellationToken.None));

            // About three segments a round: those since the older of the two kept checkpoints, and the active one.
            Assert.InRange(rig.Disk.ListFiles("/range").Count(name => name.StartsWith("wal-", StringComparison.Ordinal)), 1, 10);
        }

        Assert.Equal(new string('x', 500), rig.Restart(rig.Disk.AfterProcessKill()).Read("k39"));
    }

    [Fact]
    public void A_cancelled_checkpoint_leaves_nothing_behind()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "v"));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        Assert.Throws<OperationCanceledException>(() => rig.Replica.Checkpoint(cancelled.Token));

        Assert.DoesNotContain(rig.Disk.ListFiles("/range"), name => name.Contains("ckpt", StringComparison.Ordinal));
        Assert.NotNull(rig.Replica.Checkpoint(CancellationToken.None));
        Assert.Equal("v", rig.Restart(rig.Disk.AfterProcessKill()).Read("k"));
    }

    /// <summary>The log knows the timestamps of writes only, and here the snapshot lies as far ahead of the wall clock as one may.</summary>
    [Fact]
    public void A_restarted_only_replica_writes_above_what_was_read_before()
    {
        var rig = RangeRig.New();
        rig.Write(RangeRig.Put("k", "1"));
        var ahead = Timestamp.FromParts(Timestamp.FromTime(rig.Time.GetUtcNow() + rig.Clock.MaxOffset).Milliseconds, ushort.MaxValue);
        Assert.Equal("1", rig.Read("k", ahead));

        var after = rig.Restart(rig.Disk.AfterProcessKill());

        Assert.True(after.Write(RangeRig.Put("k", "2")).Version > ahead);
        Assert.Equal("1", after.Read("k", ahead));
    }

    [Fact]
    public void A_commit_that_could_not_be_read_back_is_refused()
    {
        var rig = RangeRig.New();

        Assert.Equal(ErrorCode.InvalidRequest, rig.Write(RangeRig.Put("k", "1"), RangeRig.Put("k", "2")).Failure!.Code);
        Assert.Equal(ErrorCode.InvalidRequest, rig.Write(RangeRig.Put("k", "1") with { ContentType = new string('x', 256) }).Failure!.Code);
        Assert.Equal(ErrorCode.KeyTooLarge, rig.Write(RangeRig.Put(new string('k', 4105), "1")).Failure!.Code);
        Assert.Equal(ErrorCode.RangeMoved, rig.Leader.WriteAsync(new RangeWrite([RangeRig.Put("k", "1")], Generation: 2)).AsTask().Answered().Failure!.Code);
    }
}

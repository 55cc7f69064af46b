using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class WriteAheadLogTests
{
    private readonly FaultyFileSystem _disk = new();

    [Fact]
    public void A_new_log_is_empty_and_says_that_it_was_created()
    {
        using var log = TestLog.Open(_disk);

        Assert.True(log.Recovery.Created);
        Assert.Equal((new Lsn(1), Lsn.Zero, Epoch.Zero), (log.FirstLsn, log.LastLsn, log.LastEpoch));
        Assert.Empty(log.ReadAll());
        Assert.Equal(WalStatus.Healthy, log.Status);
    }

    [Fact]
    public void What_was_appended_is_read_back_also_after_reopening()
    {
        List<Entry> expected = [];
        using (var log = TestLog.Open(_disk))
        {
            for (var i = 1; i <= 100; i++) expected.AddRange(log.Append(1 + (i % 7), (ulong)(1 + (i / 40))));
            Assert.Equal(expected, log.ReadAll());
        }

        using var again = TestLog.Open(_disk);
        Assert.Equal(expected, again.ReadAll());
        Assert.False(again.Recovery.Created);
        Assert.True(again.Recovery.ClosedCleanly);
        Assert.Equal(expected.Count, again.Recovery.Records);
        Assert.Equal((expected[^1].Lsn, expected[^1].Epoch), (again.LastLsn.Value, again.LastEpoch.Value));
        Assert.Equal(expected.Max(e => e.Timestamp), again.LastTimestamp.Value);
        Assert.True(again.Recovery.Segments > 3, "the records must fill several segments");
    }

    [Fact]
    public void An_append_costs_one_sync()
    {
        using var log = TestLog.Open(_disk);
        log.Append(1);
        var before = _disk.Operations;

        log.Append(3);

        Assert.Equal(2, _disk.Operations - before); // write, sync
        Assert.Equal(2, log.Counters.Syncs);
        Assert.Equal((2, 4), (log.Counters.Batches, log.Counters.Records));
    }

    [Fact]
    public void A_replay_begins_anywhere_and_refuses_what_is_truncated()
    {
        using var log = TestLog.Open(_disk);
        for (var i = 0; i < 60; i++) log.Append(4);
        for (var from = 1ul; from <= 241; from += 13)
            Assert.Equal(TestLog.Entries(from, (int)(241 - from), 1), log.ReplayFrom(new Lsn(from)).Select(Entry.Of));

        log.WriteCheckpoint(100);
        log.WriteCheckpoint(200);
        Assert.True(log.TruncatePrefix(new Lsn(150)) > 0);

        Assert.InRange(log.FirstLsn.Value, 2ul, 101ul); // not above the older checkpoint
        Assert.Equal(log.FirstLsn, Assert.Throws<LogTruncatedException>(() => log.ReplayFrom(new Lsn(1))).FirstLsn);
        Assert.Equal(TestLog.Entries(101, 140, 1), log.ReplayFrom(new Lsn(101)).Select(Entry.Of));
    }

    [Fact]
    public void A_replay_sees_what_was_durable_when_it_began_while_appends_go_on()
    {
        using var log = TestLog.Open(_disk);
        log.Append(50);
        var seen = 0;
        foreach (var record in log.ReplayFrom(new Lsn(1)))
        {
            log.Append(1);
            Assert.Equal(TestLog.EntryAt(record.Lsn.Value, 1), Entry.Of(record));
            seen++;
        }

        Assert.Equal(50, seen);
        Assert.Equal(100ul, log.LastLsn.Value);
    }

    [Fact]
    public void A_replay_that_meets_a_truncation_says_so()
    {
        using var log = TestLog.Open(_disk);
        for (var i = 0; i < 60; i++) log.Append(4);
        using var replay = log.ReplayFrom(new Lsn(1)).GetEnumerator();
        Assert.True(replay.MoveNext());
        log.WriteCheckpoint(200);
        log.WriteCheckpoint(220);
        log.TruncatePrefix(new Lsn(200));
        Assert.Throws<LogTruncatedException>(() => { while (replay.MoveNext()) { } });

        using var other = log.ReplayFrom(new Lsn(221)).GetEnumerator();
        Assert.True(other.MoveNext());
        log.TruncateSuffix(new Lsn(230));
        Assert.Throws<LogReplacedException>(() => { while (other.MoveNext()) { } });
    }

    [Fact]
    public void A_batch_larger_than_a_segment_gets_its_own()
    {
        using var log = TestLog.Open(_disk);
        using var batch = new WalBatch();
        batch.Add(1, 0, new Epoch(1), new Lsn(1), default, new byte[100_000]);
        log.Append(batch);
        log.Append(1);

        Assert.Equal(100_000, log.ReplayFrom(new Lsn(1)).First().Payload.Length);
        Assert.Equal(2ul, log.LastLsn.Value);
    }

    [Fact]
    public void Segments_double_up_to_their_largest_size()
    {
        using var log = TestLog.Open(_disk);
        for (var i = 0; i < 80; i++) log.Append(4);

        Assert.Equal([4096, 8192, 8192], TestLog.Segments(_disk).Take(3).Select(s => _disk.ReadAll(s).Length));
    }

    [Fact]
    public void A_batch_that_does_not_continue_the_log_is_refused_and_changes_nothing()
    {
        using var log = TestLog.Open(_disk);
        log.Append(2, epoch: 5);

        Assert.Throws<ArgumentException>(() => Append(TestLog.Entries(4, 1, 5)));
        Assert.Throws<ArgumentException>(() => Append(TestLog.Entries(2, 1, 5)));
        Assert.Throws<ArgumentException>(() => Append(TestLog.Entries(3, 1, 4)));
        Assert.Throws<ArgumentException>(() => Append([]));

        Assert.Equal(WalStatus.Healthy, log.Status);
        log.Append(1, epoch: 5);
        Assert.Equal(3ul, log.LastLsn.Value);

        void Append(List<Entry> entries)
        {
            using var batch = TestLog.Batch(entries);
            log.Append(batch);
        }
    }

    [Fact]
    public void A_suffix_is_truncated_anywhere_and_the_log_goes_on_in_another_epoch()
    {
        for (var from = 1ul; from <= 121; from++)
        {
            var disk = new FaultyFileSystem();
            var log = TestLog.Open(disk);
            for (var i = 0; i < 30; i++) log.Append(4);

            log.TruncateSuffix(new Lsn(from));
            Assert.Equal(from - 1, log.LastLsn.Value);
            Assert.Equal(from == 1 ? 0ul : 1ul, log.LastEpoch.Value);
            List<Entry> expected = [.. TestLog.Entries(1, (int)from - 1, 1), .. log.Append(3, epoch: 2)];
            Assert.Equal(expected, log.ReadAll());
            log.Dispose();

            using var again = TestLog.Open(disk);
            Assert.Equal(expected, again.ReadAll());
        }
    }

    [Fact]
    public void A_suffix_under_a_checkpoint_is_not_truncated()
    {
        using var log = TestLog.Open(_disk);
        log.Append(10);
        log.WriteCheckpoint(5);

        Assert.Throws<ArgumentException>(() => log.TruncateSuffix(new Lsn(5)));
        log.TruncateSuffix(new Lsn(6));
        Assert.Equal(5ul, log.LastLsn.Value);
    }

    [Fact]
    public void Epochs_of_records_are_known_also_just_before_the_log()
    {
        using var log = TestLog.Open(_disk);
        for (var i = 0; i < 60; i++) log.Append(4, (ulong)(1 + (i / 10)));
        log.WriteCheckpoint(150);
        log.WriteCheckpoint(200);
        log.TruncatePrefix(new Lsn(150));

        var before = log.FirstLsn.Value - 1;
        for (var lsn = before; lsn <= 240; lsn++)
        {
            Assert.True(log.TryGetEpoch(new Lsn(lsn), out var epoch));
            Assert.Equal(1 + ((lsn - 1) / 40), epoch.Value);
        }

        Assert.False(log.TryGetEpoch(new Lsn(before - 1), out _));
        Assert.False(log.TryGetEpoch(new Lsn(241), out _));
    }

    [Fact]
    public void A_log_of_another_replica_is_refused()
    {
        TestLog.Open(_disk).Dispose();

        Assert.Contains("range", Refused(new(8), TestLog.Incarnation).Reason, StringComparison.Ordinal);
        Assert.Contains("incarnation", Refused(TestLog.Range, Guid.Empty).Reason, StringComparison.Ordinal);

        WalCorruptionException Refused(GrainDb.Interfaces.Ranges.RangeId range, Guid incarnation) =>
            Assert.Throws<WalCorruptionException>(() => WriteAheadLog.Open(TestLog.Small, _disk, TestLog.Directory, range, incarnation));
    }

    [Fact]
    public void Two_appends_at_once_are_a_bug_that_is_said()
    {
        var disk = new FaultyFileSystem();
        using var log = TestLog.Open(disk);
        Exception? inner = null;
        disk.Faults = operation =>
        {
            if (operation.Kind == DiskOperationKind.Write && inner is null)
            {
                inner = new InvalidOperationException();
                inner = Record.Exception(() => log.Append(1));
            }

            return DiskFault.None;
        };

        log.Append(1);
        Assert.IsType<InvalidOperationException>(inner);
        Assert.Equal(1ul, log.LastLsn.Value);
    }

    [Fact]
    public void A_checkpoint_is_due_when_the_log_outweighs_both_bounds()
    {
        using var log = TestLog.Open(_disk);
        Assert.False(log.ShouldCheckpoint(0));
        while (log.BytesSinceCheckpoint <= 4096 * log.CheckpointFactor) log.Append(5);
        Assert.True(log.ShouldCheckpoint(1000));

        log.WriteCheckpoint(log.LastLsn.Value, new string('x', 20_000));
        Assert.Equal(0, log.BytesSinceCheckpoint);
        Assert.False(log.ShouldCheckpoint(0));
        while (log.BytesSinceCheckpoint <= 8192 * log.CheckpointFactor) log.Append(5);
        Assert.True(log.ShouldCheckpoint(4096)); // the state has shrunk since
        Assert.False(log.ShouldCheckpoint(1 << 20));
    }

    [Fact]
    public void A_state_that_only_grows_gets_a_checkpoint_whenever_it_has_doubled()
    {
        var log = TestLog.Open(_disk);
        var (state, checkpoints) = (0L, 0);
        while (state < 1 << 20)
        {
            var before = log.BytesSinceCheckpoint;
            log.Append(5);
            state += log.BytesSinceCheckpoint - before;
            if (!log.ShouldCheckpoint(state))
                continue;
            log.WriteCheckpoint(log.LastLsn.Value, new string('x', (int)state));
            checkpoints++;
            if (checkpoints % 3 == 0)
            {
                log.Dispose(); // a restart knows how large the last one was
                log = TestLog.Open(_disk);
            }
        }

        var expected = Math.Log(256, 1 + log.CheckpointFactor); // from 4 KiB to 1 MiB
        Assert.InRange(checkpoints, expected - 1, expected + 2);
        Assert.InRange(log.BytesSinceCheckpoint, 0, (log.CheckpointFactor * (1 << 19)) + 4096);
        log.Dispose();
    }
}

using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>Bytes that changed at rest: the log is read as it was, or said to be damaged; never quietly shorter.</summary>
public sealed class DamageTests
{
    // A small log of three segments, and where its last batch begins.
    private static readonly int[] BatchSizes = [1, 5, 9, 2, 20, 3, 18, 7, 12, 20, 1, 16, 4];

    [Fact]
    public void Any_flipped_bit_of_a_closed_log_is_harmless_or_reported()
    {
        var (harmless, reported) = (0, 0);
        ForEveryByte(closed: true, (disk, expected, place) =>
        {
            try
            {
                using var log = TestLog.Open(disk);
                Assert.Equal(expected, log.ReadAll());
                harmless++;
            }
            catch (WalCorruptionException corruption)
            {
                Assert.StartsWith(TestLog.Directory, corruption.File, StringComparison.Ordinal);
                Assert.InRange(place.Offset, corruption.Offset, long.MaxValue);
                reported++;
            }
        });

        // Harmless are unused space and the close mark; everything that bears records is reported.
        Assert.True(reported > 8000 && harmless is > 16 and < 100, $"{reported} reported, {harmless} harmless");
    }

    [Fact]
    public void Without_a_close_mark_only_the_last_append_can_pass_for_a_torn_tail()
    {
        var torn = 0;
        ForEveryByte(closed: false, (disk, expected, place) =>
        {
            try
            {
                using var log = TestLog.Open(disk);
                var found = log.ReadAll();
                if (found.SequenceEqual(expected)) return;
                Assert.Equal(expected[..^BatchSizes[^1]], found);
                Assert.True(log.Recovery.TornBytes > 0);
                Assert.Equal(place.Path, log.Recovery.TornFile);
                Assert.True(place.Offset >= log.Recovery.TornOffset);
                torn++;
            }
            catch (WalCorruptionException)
            {
                // said
            }
        });
        Assert.InRange(torn, 1, 1000);
    }

    [Fact]
    public void Records_of_a_later_append_behind_a_hole_are_corruption_with_file_and_offset()
    {
        var disk = Filled(closed: false, out _);
        var segment = TestLog.Segments(disk)[^1];
        var offset = SegmentHeader.Bytes + BatchFrame.Bytes + 3;
        disk.FlipBit(segment, offset, 1);

        var corruption = Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk));

        Assert.Equal((segment, SegmentHeader.Bytes + BatchFrame.Bytes), (corruption.File, corruption.Offset));
        Assert.Contains("later batch", corruption.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_segment_is_corruption_whichever_it_is()
    {
        for (var i = 0; i < 3; i++)
        {
            var disk = Filled(closed: true, out _);
            disk.Delete(TestLog.Segments(disk)[i]);
            Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk));
        }
    }

    [Fact]
    public void All_segments_missing_beside_other_parts_of_the_replica_is_corruption()
    {
        var disk = Filled(closed: true, out _);
        HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Write(new(new Epoch(1), "node1", Guid.Empty, 0, default));
        foreach (var segment in TestLog.Segments(disk)) disk.Delete(segment);

        Assert.Contains("hard-state-a", Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_segment_cut_short_is_corruption()
    {
        var disk = Filled(closed: false, out _);
        var segment = TestLog.Segments(disk)[^1];
        using (var file = disk.Open(segment)) file.SetLength(SegmentHeader.Bytes + BatchFrame.Bytes + 10);

        Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk));
    }

    [Fact]
    public void A_log_that_ends_before_its_checkpoint_is_corruption()
    {
        var disk = new FaultyFileSystem();
        var log = TestLog.Open(disk);
        log.Append(5);
        var end = disk.ReadAll(TestLog.Segments(disk)[0]).AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        log.Append(1);
        log.WriteCheckpoint(6);
        using (var file = disk.Open(TestLog.Segments(disk)[0])) file.Write(end, new byte[1000]);

        Assert.Contains("before its checkpoint", Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_after_opening_is_met_by_the_replay()
    {
        var disk = Filled(closed: true, out _);
        using var log = TestLog.Open(disk);
        disk.FlipBit(TestLog.Segments(disk)[0], 600, 0);

        Assert.Throws<WalCorruptionException>(() => log.ReadAll());
    }

    private static FaultyFileSystem Filled(bool closed, out List<Entry> entries)
    {
        var disk = new FaultyFileSystem();
        var log = TestLog.Open(disk);
        entries = [];
        foreach (var size in BatchSizes) entries.AddRange(log.Append(size));
        if (closed) log.Dispose();
        Assert.Equal(3, TestLog.Segments(disk).Count);
        return disk;
    }

    private static void ForEveryByte(bool closed, Action<FaultyFileSystem, List<Entry>, (string Path, int Offset)> check)
    {
        var original = Filled(closed, out var entries);
        foreach (var path in TestLog.Segments(original))
        {
            var used = original.ReadAll(path).AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
            for (var offset = 0; offset < used + 16; offset++)
            {
                var disk = original.AfterPowerLoss(CrashOutcome.KeepUnsynced);
                disk.FlipBit(path, offset, offset % 8);
                check(disk, entries, (path, offset));
            }
        }
    }
}

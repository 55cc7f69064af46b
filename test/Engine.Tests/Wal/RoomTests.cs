using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>A leader learns of a full disk before it sends its records to others.</summary>
public sealed class RoomTests
{
    private readonly FaultyFileSystem _disk = new();

    [Fact]
    public void After_it_returned_the_append_cannot_meet_a_full_disk()
    {
        for (var appended = 0; appended < 60; appended++)
        {
            for (var count = 1; count < 120; count += 13)
            {
                var disk = new FaultyFileSystem();
                using var log = TestLog.Open(disk);
                if (appended > 0) log.Append(appended);
                using var batch = TestLog.Batch(TestLog.Entries((ulong)appended + 1, count, 1));
                log.EnsureRoom(batch.Bytes.Length);
                disk.CapacityBytes = disk.UsedBytes; // not one byte more
                log.Append(batch);

                using var again = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
                Assert.Equal(TestLog.Entries(1, appended + count, 1), again.ReadAll());
            }
        }
    }

    /// <summary>The frame and the marks of a segment take room too.</summary>
    [Fact]
    public void At_the_very_end_of_a_segment_it_counts_as_the_append_does()
    {
        var rotations = 0;
        for (var payload = 3700; payload < 4200; payload += 4)
        {
            var disk = new FaultyFileSystem();
            using var log = TestLog.Open(disk);
            using var batch = new WalBatch();
            batch.Add(1, 0, new(1), new(1), default, new byte[payload]);
            log.EnsureRoom(batch.Bytes.Length);
            rotations += (int)log.Counters.Rotations;
            disk.CapacityBytes = disk.UsedBytes;
            log.Append(batch);
        }

        Assert.InRange(rotations, 10, 110);
    }

    [Fact]
    public void Without_room_the_log_is_unchanged_and_heals()
    {
        using var log = TestLog.Open(_disk);
        var acknowledged = log.Append(20);
        _disk.CapacityBytes = _disk.UsedBytes;

        Assert.Throws<DiskFullException>(() => log.EnsureRoom(5000));
        Assert.Equal(WalStatus.DiskFull, log.Status);
        Assert.NotEmpty(log.StatusReason);
        Assert.Equal(acknowledged, log.ReadAll());
        Assert.Single(TestLog.Segments(_disk));
        Assert.Single(_disk.ListFiles(TestLog.Directory));

        log.EnsureRoom(1); // that much is there
        Assert.Equal(WalStatus.Healthy, log.Status);
        Assert.Throws<DiskFullException>(() => log.EnsureRoom(5000));
        _disk.CapacityBytes = long.MaxValue;
        log.EnsureRoom(5000);
        Assert.Equal((WalStatus.Healthy, ""), (log.Status, log.StatusReason));
        acknowledged.AddRange(log.Append(20));
        Assert.Equal(acknowledged, log.ReadAll());
    }

    [Fact]
    public void With_room_it_does_nothing_and_an_append_is_one_write_and_one_sync()
    {
        using var log = TestLog.Open(_disk);
        log.Append(1);
        List<DiskOperationKind> operations = [];
        _disk.Faults = o =>
        {
            operations.Add(o.Kind);
            return DiskFault.None;
        };
        log.EnsureRoom(500);
        Assert.Empty(operations);
        log.Append(2);
        Assert.Equal([DiskOperationKind.Write, DiskOperationKind.SyncFile], operations);
    }

    [Fact]
    public void A_room_that_is_not_used_is_there_after_a_restart()
    {
        using (var log = TestLog.Open(_disk))
        {
            log.Append(20);
            log.EnsureRoom(5000);
            Assert.Equal(2, TestLog.Segments(_disk).Count);
            log.EnsureRoom(5000);
            Assert.Equal(2, TestLog.Segments(_disk).Count);
        }

        using var again = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(TestLog.Entries(1, 20, 1), again.ReadAll());
        again.Append(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => again.EnsureRoom(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => again.EnsureRoom(WalBatch.MaxBytes + 1));
    }
}

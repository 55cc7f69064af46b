using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>Failed system calls and full disks.</summary>
public sealed class DiskFailureTests
{
    private readonly FaultyFileSystem _disk = new();

    [Theory]
    [InlineData(DiskOperationKind.SyncFile)]
    [InlineData(DiskOperationKind.Write)]
    public void A_failed_write_or_sync_is_final(DiskOperationKind kind)
    {
        var log = TestLog.Open(_disk);
        var acknowledged = log.Append(3);
        _disk.Faults = o => o.Kind == kind ? DiskFault.InputOutput : DiskFault.None;

        var first = Assert.Throws<WalBrokenException>(() => log.Append(2));
        _disk.Faults = _ => DiskFault.None; // the disk works again, and is not believed

        Assert.Equal(5, Assert.IsType<WalIOException>(first.InnerException).Errno);
        Assert.Equal(WalStatus.Broken, log.Status);
        Assert.Contains("simulated I/O error", log.StatusReason, StringComparison.Ordinal);
        var operations = _disk.Operations;
        Assert.Throws<WalBrokenException>(() => log.Append(2));
        Assert.Throws<WalBrokenException>(() => log.TruncatePrefix(new Lsn(1)));
        Assert.Throws<WalBrokenException>(() => log.TruncateSuffix(new Lsn(2)));
        Assert.Throws<WalBrokenException>(() => log.BeginCheckpoint(new Lsn(1), []));
        Assert.Equal(acknowledged, log.ReadAll());
        log.Dispose();
        Assert.Equal(operations, _disk.Operations);

        using var recovered = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(acknowledged, recovered.ReadAll());
    }

    [Fact]
    public void Any_failed_operation_leaves_a_log_that_recovers_what_it_acknowledged()
    {
        LogStep[] steps =
        [
            new LogStep.Append(20, 1), new LogStep.Append(30, 1), new LogStep.Checkpoint(30), new LogStep.Append(40, 2), new LogStep.TruncateSuffix(60),
            new LogStep.Append(10, 3), new LogStep.Checkpoint(55), new LogStep.TruncatePrefix(55), new LogStep.Reopen(), new LogStep.Append(1, 3),
        ];
        var whole = new FaultyFileSystem();
        new CrashRig().Run(whole, steps);
        for (var failing = 0; failing < whole.Operations; failing++)
        {
            var disk = new FaultyFileSystem { Faults = o => o.Index == failing ? DiskFault.InputOutput : DiskFault.None };
            var rig = new CrashRig();
            rig.Run(disk, steps);
            rig.Check(disk.AfterPowerLoss(CrashOutcome.Random(failing)));
        }
    }

    [Fact]
    public void What_is_read_again_after_a_failed_operation_is_durable()
    {
        LogStep[] steps =
        [
            new LogStep.Append(20, 1), new LogStep.Append(30, 1), new LogStep.Checkpoint(30), new LogStep.Append(40, 2), new LogStep.TruncateSuffix(60),
            new LogStep.Append(10, 3), new LogStep.Checkpoint(55), new LogStep.TruncatePrefix(55), new LogStep.Append(5, 3), new LogStep.Install(90, 4), new LogStep.Append(3, 4),
        ];
        var whole = new FaultyFileSystem();
        new CrashRig().Run(whole, steps);
        for (var failing = 0; failing < whole.Operations; failing++)
        {
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.Random(failing) })
            {
                var disk = new FaultyFileSystem { Faults = o => o.Index == failing ? DiskFault.InputOutput : DiskFault.None };
                var rig = new CrashRig();
                rig.Run(disk, steps);
                var again = disk.AfterProcessKill(); // what a failed sync dropped is still in the cache, and looks as if it were on the disk
                rig.Check(again);
                rig.Check(again.AfterPowerLoss(outcome));
            }
        }
    }

    [Fact]
    public void An_opening_that_fails_after_a_failed_append_leaves_the_same_to_the_next_one()
    {
        LogStep[] steps = [new LogStep.Append(5, 1), new LogStep.Append(20, 1), new LogStep.Append(3, 2)];
        var whole = new FaultyFileSystem();
        new CrashRig().Run(whole, steps);
        for (var failing = 0; failing < whole.Operations; failing++)
        {
            for (var second = 0; second < 12; second++)
            {
                var disk = new FaultyFileSystem { Faults = o => o.Index == failing ? DiskFault.InputOutput : DiskFault.None };
                var rig = new CrashRig();
                rig.Run(disk, steps);
                var again = disk.AfterProcessKill();
                again.Faults = o => o.Index == second ? DiskFault.InputOutput : DiskFault.None;
                if (Record.Exception(() => TestLog.Open(again)) is { } refused)
                    Assert.IsAssignableFrom<IOException>(refused);
                again = again.AfterProcessKill();
                rig.Check(again);
                rig.Check(again.AfterPowerLoss(CrashOutcome.Random(failing)));
            }
        }
    }

    [Fact]
    public void A_full_disk_refuses_the_batch_whole_and_heals_when_there_is_room()
    {
        using var log = TestLog.Open(_disk);
        List<Entry> acknowledged = [];
        _disk.CapacityBytes = 16 << 10;
        var refusals = 0;
        for (var i = 0; i < 100; i++)
        {
            try
            {
                acknowledged.AddRange(log.Append(10));
            }
            catch (DiskFullException)
            {
                refusals++;
                Assert.Equal(WalStatus.DiskFull, log.Status);
                Assert.NotEmpty(log.StatusReason);
                Assert.Equal(acknowledged[^1].Lsn, log.LastLsn.Value);
                Assert.Equal(acknowledged, log.ReadAll());
            }
        }

        Assert.InRange(refusals, 50, 99);
        Assert.DoesNotContain(_disk.ListFiles(TestLog.Directory), f => f.EndsWith(".tmp", StringComparison.Ordinal));
        _disk.CapacityBytes = long.MaxValue;
        acknowledged.AddRange(log.Append(10));
        Assert.Equal(WalStatus.Healthy, log.Status);
        Assert.Equal(acknowledged, log.ReadAll());
        using var again = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(acknowledged, again.ReadAll());
    }

    [Fact]
    public void Disks_of_every_size_fill_up_without_a_torn_record()
    {
        for (var capacity = 4096; capacity < 40 << 10; capacity += 509)
        {
            var disk = new FaultyFileSystem { CapacityBytes = capacity };
            List<Entry> acknowledged = [];
            var log = TestLog.Open(disk);
            Assert.Throws<DiskFullException>(() => Forever(() => acknowledged.AddRange(log.Append(7))));
            Assert.Equal(WalStatus.DiskFull, log.Status);

            // Also when the machine starts again while the disk is still full.
            disk = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
            disk.CapacityBytes = capacity;
            using var again = TestLog.Open(disk);
            Assert.Equal(acknowledged, again.ReadAll());
        }
    }

    [Fact]
    public void The_reserve_is_left_free_for_checkpoints()
    {
        _disk.CapacityBytes = 64 << 10;
        using var log = WriteAheadLog.Open(TestLog.Small with { ReservedFreeBytes = 20 << 10 }, _disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
        Assert.Throws<DiskFullException>(() => Forever(() => log.Append(7)));

        Assert.True(_disk.FreeBytes("/") >= 20 << 10);
        log.WriteCheckpoint(log.LastLsn.Value - 1, new string('x', 5000));
        log.WriteCheckpoint(log.LastLsn.Value, new string('x', 5000));
        Assert.True(log.TruncatePrefix(log.LastLsn) > 0);
        log.Append(7);
        Assert.Equal(WalStatus.Healthy, log.Status);
    }

    [Fact]
    public void Half_of_the_reserve_is_for_first_records_of_leaders_and_the_rest_is_left()
    {
        using var log = WriteAheadLog.Open(TestLog.Small with { ReservedFreeBytes = 64 << 10 }, _disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
        _disk.CapacityBytes = _disk.UsedBytes + (48 << 10);
        var (appended, isFull) = (0, false);
        while (!isFull && appended < 1000)
        {
            try
            {
                log.EnsureRoomFromReserve(200);
                log.Append(1);
                appended++;
            }
            catch (DiskFullException)
            {
                isFull = true;
            }
        }

        Assert.True(isFull);
        Assert.True(appended > 40);
        Assert.InRange(_disk.CapacityBytes - _disk.UsedBytes, 32 << 10, 36 << 10);
        Assert.Throws<DiskFullException>(() => log.EnsureRoom(4000));
    }

    [Fact]
    public void A_write_that_meets_a_full_disk_in_allocated_space_breaks_the_log()
    {
        using var log = TestLog.Open(_disk);
        log.Append(1);
        _disk.Faults = o => o.Kind == DiskOperationKind.Write ? DiskFault.Full : DiskFault.None;

        Assert.IsType<DiskFullException>(Assert.Throws<WalBrokenException>(() => log.Append(1)).InnerException);
        Assert.Equal(WalStatus.Broken, log.Status);
    }

    [Fact]
    public void A_suffix_truncation_without_room_changes_nothing()
    {
        using var log = TestLog.Open(_disk);
        var acknowledged = log.Append(10);
        _disk.Faults = o => o.Path.Contains("truncate-suffix", StringComparison.Ordinal) ? DiskFault.Full : DiskFault.None;

        Assert.Throws<DiskFullException>(() => log.TruncateSuffix(new Lsn(3)));
        Assert.Equal(acknowledged, log.ReadAll());
        _disk.Faults = _ => DiskFault.None;
        log.TruncateSuffix(new Lsn(3));
        Assert.Equal(2ul, log.LastLsn.Value);
    }

    [Fact]
    public void A_checkpoint_without_room_is_abandoned_and_the_log_goes_on()
    {
        using var log = TestLog.Open(_disk);
        log.Append(10);
        _disk.CapacityBytes = _disk.UsedBytes + 1000;

        Assert.Throws<DiskFullException>(() => log.WriteCheckpoint(10, new string('x', 4000)));
        Assert.Equal(WalStatus.Healthy, log.Status);
        Assert.Equal(Lsn.Zero, log.CheckpointLsn);
        Assert.Single(_disk.ListFiles(TestLog.Directory));
        log.Append(1);
        log.WriteCheckpoint(10, "small");
        Assert.Equal(10ul, log.CheckpointLsn.Value);
    }

    private static void Forever(Action action)
    {
        for (var i = 0; i < 1_000_000; i++) action();
    }
}

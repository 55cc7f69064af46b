using CsCheck;
using GrainDb.Engine.Tests.Wal.Disk;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>The machine stops anywhere; what was acknowledged is there, nothing is there by half, and the log goes on.</summary>
public sealed class CrashTests
{
    private static readonly List<LogStep> Workload =
    [
        new LogStep.Append(1, 1), new LogStep.Append(3, 1), new LogStep.Append(12, 1), new LogStep.Reopen(), new LogStep.Append(20, 2), new LogStep.Append(2, 2),
        new LogStep.TruncateSuffix(30), new LogStep.Append(5, 3), new LogStep.Checkpoint(20), new LogStep.Append(40, 3), new LogStep.Append(40, 3),
        new LogStep.TruncateSuffix(50), new LogStep.Append(30, 4), new LogStep.Append(1, 4), new LogStep.Checkpoint(60), new LogStep.TruncatePrefix(60),
        new LogStep.Append(4, 4), new LogStep.Checkpoint(75), new LogStep.Append(60, 5), new LogStep.TruncatePrefix(76), new LogStep.Append(1, 5), new LogStep.Reopen(),
        new LogStep.Append(2, 5), new LogStep.Install(150, 6), new LogStep.Append(70, 6), new LogStep.Checkpoint(200), new LogStep.Install(1000, 7), new LogStep.Install(900, 8),
        new LogStep.Append(90, 8), new LogStep.Checkpoint(930), new LogStep.TruncatePrefix(980), new LogStep.Checkpoint(970), new LogStep.TruncatePrefix(980), new LogStep.Append(60, 9), new LogStep.Append(60, 9),
    ];

    // Less of everything, so that every one of its bytes can be tried.
    private static readonly List<LogStep> ShortWorkload =
    [
        new LogStep.Append(1, 1), new LogStep.Append(3, 1), new LogStep.Append(12, 1), new LogStep.Reopen(), new LogStep.Append(14, 2), new LogStep.Checkpoint(4),
        new LogStep.TruncateSuffix(14), new LogStep.Append(10, 3), new LogStep.Checkpoint(17), new LogStep.Append(9, 3), new LogStep.TruncatePrefix(18), new LogStep.Append(1, 4),
        new LogStep.Install(20, 5), new LogStep.Append(12, 5), new LogStep.Checkpoint(29), new LogStep.Append(1, 6),
    ];

    private static readonly Gen<LogStep> AnyStep = Gen.Frequency(
        (8, Gen.Select(Gen.Int[1, 40], Gen.ULong[1, 6], (n, e) => (LogStep)new LogStep.Append(n, e))),
        (2, Gen.ULong[1, 300].Select(l => (LogStep)new LogStep.TruncateSuffix(l))),
        (2, Gen.ULong[1, 300].Select(l => (LogStep)new LogStep.Checkpoint(l))),
        (2, Gen.ULong[1, 300].Select(l => (LogStep)new LogStep.TruncatePrefix(l))),
        (1, Gen.Select(Gen.ULong[1, 300], Gen.ULong[1, 6], (l, e) => (LogStep)new LogStep.Install(l, e))),
        (1, Gen.Const((LogStep)new LogStep.Reopen())));

    [Fact]
    public void The_workload_itself_does_what_the_model_says()
    {
        var disk = new FaultyFileSystem();
        var rig = new CrashRig();
        rig.Run(disk, Workload);

        Assert.True(rig.Finished);
        rig.Check(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.True(TestLog.Segments(disk).Count > 1);
    }

    [Fact]
    public void A_crash_at_every_byte_loses_nothing_acknowledged()
    {
        var total = RunToEnd(ShortWorkload).BytesWritten;
        for (var crashAt = 1L; crashAt <= total; crashAt++)
        {
            var seed = (int)crashAt;
            Crash(ShortWorkload, new() { CrashAtByte = crashAt }, disk => disk.AfterPowerLoss((seed % 4) switch
            {
                0 => CrashOutcome.KeepUnsynced,
                1 => CrashOutcome.LoseUnsynced,
                _ => CrashOutcome.Random(seed),
            }));
        }
    }

    [Fact]
    public void A_crash_before_every_operation_loses_nothing_acknowledged()
    {
        var total = RunToEnd(Workload).Operations;
        for (var operation = 0; operation < total; operation++)
        {
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.KeepUnsynced, CrashOutcome.Random(operation), CrashOutcome.Random(-operation) })
                Crash(Workload, CrashBefore(operation), disk => disk.AfterPowerLoss(outcome));
        }
    }

    /// <summary>What a killed process left in the cache is read by the next one, which must make it durable before it relies on it.</summary>
    [Fact]
    public void A_kill_followed_by_a_power_loss_does_not_unsay_what_the_second_process_read()
    {
        var total = RunToEnd(Workload).Operations;
        for (var operation = 0; operation < total; operation++)
        {
            var disk = CrashBefore(operation);
            var rig = new CrashRig();
            rig.Run(disk, Workload);
            Assert.False(rig.Finished);
            disk = disk.AfterProcessKill();
            rig.Run(disk, []);
            List<Entry> read;
            using (var log = TestLog.Open(disk)) read = log.ReadAll();

            using var afterwards = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
            Assert.Equal(read, afterwards.ReadAll());
        }
    }

    /// <summary>
    /// An unfinished append of many records, its sectors written in any order: valid records behind a hole are a torn tail
    /// as long as they belong to that append.
    /// </summary>
    [Fact]
    public void An_unfinished_append_whose_sectors_survive_in_any_order_is_a_torn_tail()
    {
        var (torn, whole) = (0, 0);
        for (var seed = 0; seed < 2000; seed++)
        {
            var disk = new FaultyFileSystem();
            var log = TestLog.Open(disk);
            var acknowledged = log.Append(3);
            disk.Faults = operation => operation.Kind == DiskOperationKind.SyncFile ? DiskFault.Crash : DiskFault.None;
            Assert.ThrowsAny<Exception>(() => log.Append(20));

            using var recovered = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.Random(seed)));
            var found = recovered.ReadAll();
            if (found.Count == acknowledged.Count) torn += recovered.Recovery.TornBytes > 0 ? 1 : 0;
            else whole++;
            Assert.Equal(found.Count == acknowledged.Count ? acknowledged : TestLog.Entries(1, 23, 1), found);
        }

        Assert.True(torn > 1000 && whole > 0, $"{torn} torn, {whole} whole");
    }

    [Fact]
    public void Crashes_during_recovery_are_recovered_from() =>
        Gen.Select(AnyStep.List[1, 25], Gen.Int[0, 120], Gen.Int[0, 12].List[0, 4], Gen.Bool, Gen.Int)
            .Sample((steps, operation, recoveries, killed, seed) =>
            {
                var disk = CrashBefore(operation);
                var rig = new CrashRig();
                rig.Run(disk, steps);
                disk = killed ? disk.AfterProcessKill() : disk.AfterPowerLoss(CrashOutcome.Random(seed)); // the cache is not the disk
                foreach (var stop in recoveries)
                {
                    disk.Faults = o => o.Index == stop ? DiskFault.Crash : DiskFault.None;
                    new CrashRig().Run(disk, []);
                    disk = disk.AfterPowerLoss(CrashOutcome.Random(seed + stop));
                }

                rig.Check(disk);
            }, iter: 3000);

    [Fact]
    public void Any_workload_survives_any_number_of_crashes() =>
        Gen.Select(Gen.Select(AnyStep.List[1, 12], Gen.Int[0, 80], Gen.Int).List[1, 5], Gen.Bool)
            .Sample((lives, torn) =>
            {
                var rig = new CrashRig();
                var disk = new FaultyFileSystem();
                foreach (var (steps, stop, seed) in lives)
                {
                    if (torn) disk.CrashAtByte = stop * 97L;
                    else disk.Faults = o => o.Index == stop ? DiskFault.Crash : DiskFault.None;
                    rig.Run(disk, steps);
                    disk = disk.AfterPowerLoss(CrashOutcome.Random(seed));
                    rig.Check(disk);
                    disk = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
                }
            }, iter: 2000);

    private static FaultyFileSystem CrashBefore(int operation) => new() { Faults = o => o.Index == operation ? DiskFault.Crash : DiskFault.None };

    private static FaultyFileSystem RunToEnd(List<LogStep> workload)
    {
        var disk = new FaultyFileSystem();
        new CrashRig().Run(disk, workload);
        return disk;
    }

    private static void Crash(List<LogStep> workload, FaultyFileSystem disk, Func<FaultyFileSystem, FaultyFileSystem> restart)
    {
        var rig = new CrashRig();
        rig.Run(disk, workload);
        Assert.False(rig.Finished);
        rig.Check(restart(disk));
    }
}

using System.Text;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>
/// The machine stops anywhere while a snapshot is installed or a damaged log discarded, and again while it recovers from that: the old state or the new one
/// is found, either whole.
/// </summary>
public sealed class ReplacementCrashTests
{
    // What the log had: a suffix beyond two of the snapshots, and before the third.
    private const int OldRecords = 80;
    private static readonly HardState Promise = new(new Epoch(6), "node3", TestLog.Incarnation, 1, default);
    private static readonly FaultyFileSystem Sound = Filled();

    public enum Replacement
    {
        BelowTheCheckpoint,
        BelowTheLastRecord,

        /// <summary>The new segment has the name of an old one.</summary>
        BeforeAnOldSegment,
        BeyondTheLog,
        Discard,
    }

    public static TheoryData<Replacement> Replacements => [.. Enum.GetValues<Replacement>()];

    [Theory]
    [MemberData(nameof(Replacements))]
    public void At_every_byte(Replacement replacement)
    {
        var bytes = Replaced(replacement).BytesWritten;
        Assert.True(bytes > 50);
        for (var at = 1; at <= bytes; at++)
        {
            var disk = Prepared(replacement);
            disk.CrashAtByte = at;
            CrashesIn(disk, replacement);
            Check(disk.AfterPowerLoss((at % 3) switch { 0 => CrashOutcome.KeepUnsynced, 1 => CrashOutcome.LoseUnsynced, _ => CrashOutcome.Random(at) }), replacement);
        }
    }

    [Theory]
    [MemberData(nameof(Replacements))]
    public void Before_every_operation_and_before_every_operation_of_the_recovery(Replacement replacement)
    {
        var (olds, news) = (0, 0);
        var operations = Replaced(replacement).Operations;
        for (var operation = 0; operation < operations; operation++)
        {
            for (var seed = -2; seed < 6; seed++)
            {
                var crashed = Prepared(replacement);
                StopBefore(crashed, operation);
                CrashesIn(crashed, replacement);
                FaultyFileSystem Restarted() => crashed.AfterPowerLoss(Outcome(seed));
                if (Check(Restarted(), replacement)) news++;
                else olds++;

                for (var stop = 0; ; stop++)
                {
                    var disk = Restarted();
                    StopBefore(disk, stop);
                    if (Record.Exception(() => TestLog.Open(disk)) is not SimulatedCrashException) break;
                    Check(disk.AfterPowerLoss(Outcome(seed * 100 + stop)), replacement);
                }
            }
        }

        Assert.True(olds > 20 && news > 20, $"{olds} times the old state, {news} times the new one");
    }

    /// <summary>What the second process reads may be in the cache only; whatever it did about it, a power loss must not make a mixture of it.</summary>
    [Theory]
    [MemberData(nameof(Replacements))]
    public void A_kill_before_every_operation_and_a_power_loss_before_every_operation_of_the_recovery(Replacement replacement)
    {
        var operations = Replaced(replacement).Operations;
        for (var operation = 0; operation < operations; operation++)
        {
            for (var stop = 0; ; stop++)
            {
                var finished = false;
                for (var seed = -2; seed < 6; seed++)
                {
                    var disk = Prepared(replacement);
                    StopBefore(disk, operation);
                    CrashesIn(disk, replacement);
                    disk = disk.AfterProcessKill();
                    StopBefore(disk, stop);
                    finished = Record.Exception(() => TestLog.Open(disk)) is not SimulatedCrashException;
                    Check(disk.AfterPowerLoss(Outcome(seed * 100 + stop)), replacement);
                }

                if (finished) break;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Replacements))]
    public void Any_failed_operation_leaves_one_of_the_two_states(Replacement replacement)
    {
        var operations = Replaced(replacement).Operations;
        for (var operation = 0; operation < operations; operation++)
        {
            foreach (var fault in new[] { DiskFault.InputOutput, DiskFault.Full })
            {
                var disk = Prepared(replacement);
                disk.Faults = o => o.Index == operation ? fault : DiskFault.None;
                _ = Record.Exception(() => Replace(disk, replacement));
                Check(disk.AfterPowerLoss(Outcome(operation)), replacement);
            }
        }
    }

    private static CrashOutcome Outcome(int seed) => seed switch { -2 => CrashOutcome.LoseUnsynced, -1 => CrashOutcome.KeepUnsynced, _ => CrashOutcome.Random(seed) };

    private static void StopBefore(FaultyFileSystem disk, int operation) => disk.Faults = o => o.Index == operation ? DiskFault.Crash : DiskFault.None;

    private static ulong LsnOf(Replacement replacement) => replacement switch
    {
        Replacement.BelowTheCheckpoint => 30,
        Replacement.BelowTheLastRecord => 70,
        Replacement.BeforeAnOldSegment => ulong.Parse(Path.GetFileName(TestLog.Segments(Sound)[^1]).AsSpan(4, 20)) - 1,
        Replacement.BeyondTheLog => 300,
        _ => 0,
    };

    private static FaultyFileSystem Prepared(Replacement replacement)
    {
        var disk = Sound.AfterPowerLoss(CrashOutcome.LoseUnsynced);
        if (replacement == Replacement.Discard) disk.FlipBit(TestLog.Segments(disk)[0], 200, 1);
        return disk;
    }

    private static FaultyFileSystem Replaced(Replacement replacement)
    {
        var disk = Prepared(replacement);
        Replace(disk, replacement);
        return disk;
    }

    private static FaultyFileSystem Filled()
    {
        var disk = new FaultyFileSystem();
        using (var log = TestLog.Open(disk))
        {
            for (var i = 0; i < OldRecords; i += 4) log.Append(4);
            log.WriteCheckpoint(20, "one block", "state at 20");
            log.WriteCheckpoint(40, "one block", "state at 40");
            log.TruncatePrefix(new Lsn(41));
        }

        HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Write(Promise);
        return disk;
    }

    private static void Replace(FaultyFileSystem disk, Replacement replacement)
    {
        if (replacement == Replacement.Discard)
        {
            WriteAheadLog.DiscardDamaged(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
            TestLog.Open(disk);
            return;
        }

        var log = TestLog.Open(disk);
        var lsn = LsnOf(replacement);
        log.InstallSnapshot(lsn, epoch: 4, timestamp: 55, "one block", $"state at {lsn}");
    }

    private static void CrashesIn(FaultyFileSystem disk, Replacement replacement) =>
        Assert.True(Record.Exception(() => Replace(disk, replacement)) is SimulatedCrashException or WalBrokenException { InnerException: SimulatedCrashException });

    /// <returns>Whether it is the new state.</returns>
    private static bool Check(FaultyFileSystem disk, Replacement replacement)
    {
        if (replacement == Replacement.Discard && Record.Exception(() => TestLog.Open(disk).Dispose()) is { } exception)
        {
            Assert.IsType<WalCorruptionException>(exception); // still damaged: it can be discarded as before
            WriteAheadLog.DiscardDamaged(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
            CheckLog(disk, 0, 0);
            return false;
        }

        if (replacement != Replacement.Discard) Assert.Equal(0, WalInspector.Verify(disk, TestLog.Directory, TextWriter.Null));
        using (var log = TestLog.Open(disk))
        {
            if (replacement != Replacement.Discard && log.LastEpoch.Value == 1)
            {
                Assert.Equal(((ulong)OldRecords, 40ul), (log.LastLsn.Value, log.CheckpointLsn.Value));
                Assert.Equal(TestLog.Entries(log.FirstLsn.Value, OldRecords + 1 - (int)log.FirstLsn.Value, 1), log.ReadAll());
                CheckState(log, 40);
                CheckFiles(disk);
                return false;
            }
        }

        CheckLog(disk, LsnOf(replacement), LsnOf(replacement) == 0 ? 0ul : 4);
        return true;
    }

    private static void CheckLog(FaultyFileSystem disk, ulong lsn, ulong epoch)
    {
        using (var log = TestLog.Open(disk))
        {
            Assert.Equal((lsn, lsn + 1, lsn, epoch), (log.LastLsn.Value, log.FirstLsn.Value, log.CheckpointLsn.Value, log.LastEpoch.Value));
            Assert.Equal(lsn == 0 ? 0ul : 55, log.LastTimestamp.Value);
            Assert.Empty(log.ReadAll());
            CheckState(log, lsn);
            CheckFiles(disk);
            log.Append(3, epoch: 5);
        }

        using var again = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(TestLog.Entries(lsn + 1, 3, 5), again.ReadAll());
        CheckState(again, lsn);
        Assert.Equal(Promise.PromisedEpoch, HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Read()!.PromisedEpoch);
        Assert.Equal(0, WalInspector.Verify(disk, TestLog.Directory, TextWriter.Null));
    }

    private static void CheckState(WriteAheadLog log, ulong lsn)
    {
        using var reader = log.OpenNewestCheckpoint();
        Assert.Equal(lsn, reader?.Lsn.Value ?? 0);
        if (reader is not null) Assert.Equal(["one block", $"state at {lsn}"], reader.ReadBlocks().Select(b => Encoding.UTF8.GetString(b.Span)));
    }

    private static void CheckFiles(FaultyFileSystem disk) =>
        Assert.DoesNotContain(disk.ListFiles(TestLog.Directory), f => !f.StartsWith("wal-", StringComparison.Ordinal) && !f.StartsWith("aside-", StringComparison.Ordinal)
            && !f.StartsWith("checkpoint-", StringComparison.Ordinal) && !f.StartsWith("hard-state-", StringComparison.Ordinal) || f.EndsWith(".tmp", StringComparison.Ordinal));
}

using System.Text;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>A checkpoint of another replica takes the place of a log.</summary>
public sealed class SnapshotInstallTests
{
    private readonly FaultyFileSystem _disk = new();

    [Theory]
    [InlineData(0, 100)] // the usual newcomer
    [InlineData(60, 100)] // fell behind
    [InlineData(60, 60)]
    [InlineData(60, 40)] // has a suffix that nobody else has
    [InlineData(60, 1)]
    public void It_replaces_the_log_and_all_checkpoints(int records, int lsn)
    {
        using (var log = Filled(records))
        {
            log.InstallSnapshot((ulong)lsn, epoch: 9, timestamp: 777, "one", new string('2', 300_000));
            CheckInstalled(log, (ulong)lsn);
            var entries = log.Append(5, epoch: 9);
            Assert.Equal(entries, log.ReadAll());
        }

        foreach (var disk in new[] { _disk, _disk.AfterPowerLoss(CrashOutcome.LoseUnsynced) })
        {
            using var again = TestLog.Open(disk);
            Assert.Equal(TestLog.Entries((ulong)lsn + 1, 5, 9), again.ReadAll());
            Assert.Equal((ulong)lsn, again.CheckpointLsn.Value);
            Assert.Equal(9ul, again.Recovery.CheckpointLsn.Value == (ulong)lsn ? again.LastEpoch.Value : 0);
            Assert.Equal(0, WalInspector.Verify(disk, TestLog.Directory, TextWriter.Null));
        }
    }

    [Fact]
    public void An_empty_log_after_an_installation_opens_as_it_was_left()
    {
        using (var log = Filled(60)) log.InstallSnapshot(40, epoch: 9, timestamp: 777, "one", new string('2', 300_000));
        using var again = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        CheckInstalled(again, 40);
    }

    [Fact]
    public void Without_commit_nothing_is_left_behind()
    {
        using var log = Filled(60);
        var files = _disk.ListFiles(TestLog.Directory);
        using (var install = log.BeginInstall(new Lsn(100), new Epoch(9), default, default))
        {
            install.WriteBlock(new byte[600_000]);
            Assert.Equal(1, install.BlockCount);
            Assert.Throws<InvalidOperationException>(() => log.BeginInstall(new Lsn(101), new Epoch(9), default, default));
            Assert.Throws<ArgumentException>(() => install.WriteBlock([]));
            log.Append(2, epoch: 3); // the log goes on meanwhile
        }

        Assert.Equal(files, _disk.ListFiles(TestLog.Directory));
        Assert.Equal(62ul, log.LastLsn.Value);
        Assert.Throws<ArgumentException>(() => log.BeginInstall(Lsn.Zero, new Epoch(9), default, default));
        log.InstallSnapshot(100, 9, 777, "one", new string('2', 300_000));
        CheckInstalled(log, 100);
        log.InstallSnapshot(50, 9, 777, "one", new string('2', 300_000));
        CheckInstalled(log, 50);
    }

    [Fact]
    public void What_an_aborted_installation_left_is_removed_at_the_start()
    {
        var log = Filled(60);
        var files = _disk.ListFiles(TestLog.Directory);
        log.BeginInstall(new Lsn(100), new Epoch(9), default, default).WriteBlock(new byte[600_000]);
        _disk.Create(TestLog.Directory + "/install.log").Dispose();
        Assert.Equal(files.Count + 2, _disk.ListFiles(TestLog.Directory).Count);

        using var again = TestLog.Open(_disk.AfterProcessKill());
        Assert.Equal(files, _disk.ListFiles(TestLog.Directory));
        Assert.Equal(60ul, again.LastLsn.Value);
        log.Dispose();
    }

    [Fact]
    public void A_full_disk_at_any_byte_abandons_it_or_comes_after_the_decision()
    {
        var (abandoned, installed) = (0, 0);
        for (var free = 0; free < 6000; free += 100)
        {
            var disk = new FaultyFileSystem();
            using var log = TestLog.Open(disk);
            var entries = log.Append(20);
            disk.CapacityBytes = disk.UsedBytes + free;
            try
            {
                log.InstallSnapshot(10, epoch: 9, timestamp: 777, "one", new string('2', 1000));
                Assert.Equal(10ul, log.LastLsn.Value);
                installed++;
            }
            catch (DiskFullException)
            {
                Assert.Equal(WalStatus.Healthy, log.Status);
                Assert.Equal(entries, log.ReadAll());
                Assert.Single(disk.ListFiles(TestLog.Directory));
                disk.CapacityBytes = long.MaxValue;
                log.InstallSnapshot(10, epoch: 9, timestamp: 777, "one", new string('2', 1000));
                abandoned++;
            }

            log.Append(1, epoch: 9);
        }

        Assert.True(abandoned > 10 && installed > 5, $"{abandoned} abandoned, {installed} installed");
    }

    [Fact]
    public void A_broken_log_takes_no_snapshot()
    {
        using var log = Filled(20);
        using var install = log.BeginInstall(new Lsn(100), new Epoch(9), default, default);
        _disk.Faults = o => o.Kind == DiskOperationKind.SyncFile ? DiskFault.InputOutput : DiskFault.None;
        Assert.Throws<WalBrokenException>(() => log.Append(1, epoch: 9));
        _disk.Faults = _ => DiskFault.None;

        Assert.Throws<WalBrokenException>(install.Commit);
        Assert.Throws<WalBrokenException>(() => log.BeginInstall(new Lsn(100), new Epoch(9), default, default));
        Assert.DoesNotContain("install.ckpt", _disk.ListFiles(TestLog.Directory));
    }

    [Fact]
    public void A_damaged_installation_is_corruption_before_anything_is_deleted()
    {
        using (var log = Filled(60))
        {
            _disk.Faults = o => o is { Kind: DiskOperationKind.Delete } && o.Path.EndsWith(".log", StringComparison.Ordinal) ? DiskFault.Crash : DiskFault.None;
            Assert.Throws<WalBrokenException>(() => log.InstallSnapshot(50, epoch: 9, timestamp: 777, "one"));
        }

        foreach (var name in new[] { "install.ckpt", "install.log" })
        {
            for (var offset = 0; offset < 72; offset++)
            {
                var disk = _disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
                var files = disk.ListFiles(TestLog.Directory);
                disk.FlipBit(TestLog.Directory + "/" + name, offset, offset % 8);
                Assert.EndsWith(name, Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk)).File, StringComparison.Ordinal);
                Assert.Equal(files, disk.ListFiles(TestLog.Directory));
                Assert.Equal(1, WalInspector.Verify(disk, TestLog.Directory, TextWriter.Null));
            }
        }
    }

    private static void CheckInstalled(WriteAheadLog log, ulong lsn)
    {
        Assert.Equal((lsn, lsn + 1, lsn), (log.LastLsn.Value, log.FirstLsn.Value, log.CheckpointLsn.Value));
        Assert.Equal((9ul, 777ul), (log.LastEpoch.Value, log.LastTimestamp.Value));
        Assert.Equal(WalStatus.Healthy, log.Status);
        Assert.Equal(0, log.BytesSinceCheckpoint);
        Assert.True(log.TryGetEpoch(new Lsn(lsn), out var epoch));
        Assert.Equal(9ul, epoch.Value);
        Assert.False(log.TryGetEpoch(new Lsn(lsn - 1), out _));
        Assert.Empty(log.ReadAll());
        using var reader = log.OpenNewestCheckpoint()!;
        Assert.Equal((lsn, 9ul, 777ul, $"meta {lsn}", 2L), (reader.Lsn.Value, reader.Epoch.Value, reader.Timestamp.Value, Encoding.UTF8.GetString(reader.Meta.Span), reader.BlockCount));
        Assert.Equal(new string('2', 300_000), Encoding.UTF8.GetString(reader.ReadBlock(1)));
        Assert.Equal("one", Encoding.UTF8.GetString(reader.ReadBlock(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.ReadBlock(2));
    }

    private WriteAheadLog Filled(int records)
    {
        var log = TestLog.Open(_disk);
        for (var i = 0; i < records; i += 10)
        {
            log.Append(10, epoch: 1 + (ulong)i / 20);
            if (i % 20 == 10) log.WriteCheckpoint((ulong)i, "old");
        }

        return log;
    }
}

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

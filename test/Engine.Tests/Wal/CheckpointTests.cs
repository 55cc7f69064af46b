using System.Text;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class CheckpointTests
{
    private readonly FaultyFileSystem _disk = new();

    [Fact]
    public void A_committed_checkpoint_is_read_back()
    {
        using (var log = TestLog.Open(_disk))
        {
            Assert.Null(log.OpenNewestCheckpoint());
            log.Append(10, epoch: 3);
            log.Append(10, epoch: 4);
            log.WriteCheckpoint(10, "a", new string('b', 700_000), "c");
            Assert.Equal(10ul, log.CheckpointLsn.Value);
        }

        using var again = TestLog.Open(_disk);
        using var reader = again.OpenNewestCheckpoint()!;
        Assert.Equal((10ul, 3ul, "meta 10", 3), (reader.Lsn.Value, reader.Epoch.Value, Encoding.UTF8.GetString(reader.Meta.Span), reader.BlockCount));
        Assert.Equal(["a", new string('b', 700_000), "c"], Blocks(reader));
        Assert.Empty(reader.PassedOver);
        Assert.Equal(10ul, again.Recovery.CheckpointLsn.Value);
    }

    [Fact]
    public void A_checkpoint_that_is_not_committed_never_existed()
    {
        using var log = TestLog.Open(_disk);
        log.Append(5);
        using (var writer = log.BeginCheckpoint(new Lsn(5), []))
        {
            writer.WriteBlock("x"u8);
            Assert.Throws<InvalidOperationException>(() => log.BeginCheckpoint(new Lsn(5), []));
        }

        Assert.Equal(Lsn.Zero, log.CheckpointLsn);
        Assert.Single(_disk.ListFiles(TestLog.Directory));
        log.WriteCheckpoint(5, "x");
        Assert.Throws<ArgumentException>(() => log.BeginCheckpoint(new Lsn(6), []));
        Assert.Throws<ArgumentException>(() => log.BeginCheckpoint(new Lsn(4), []));
    }

    [Fact]
    public void The_newest_two_are_kept_and_the_log_back_to_the_older_one()
    {
        using var log = TestLog.Open(_disk);
        for (var i = 0; i < 60; i++) log.Append(4);
        log.WriteCheckpoint(100);
        log.TruncatePrefix(new Lsn(240));
        Assert.Equal(1ul, log.FirstLsn.Value); // the empty state is the older one

        log.WriteCheckpoint(200);
        log.WriteCheckpoint(230);
        log.TruncatePrefix(new Lsn(240));

        Assert.Equal([200ul, 230ul], Checkpoints());
        Assert.InRange(log.FirstLsn.Value, 100ul, 201ul);
        log.WriteCheckpoint(230, "again");
        Assert.Equal([200ul, 230ul], Checkpoints());
    }

    [Fact]
    public void Any_flipped_bit_of_the_newest_checkpoint_is_noticed_and_the_older_one_serves()
    {
        using (var log = TestLog.Open(_disk))
        {
            for (var i = 0; i < 30; i++) log.Append(4);
            log.WriteCheckpoint(60, "old", "state");
            log.WriteCheckpoint(100, "new", "state", "here");
            log.TruncatePrefix(new Lsn(101));
            Assert.NotEqual(1ul, log.FirstLsn.Value);
        }

        var path = TestLog.Directory + "/checkpoint-00000000000000000100.ckpt";
        var length = _disk.ReadAll(path).Length;
        for (var offset = 0; offset < length; offset++)
        {
            var disk = _disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
            disk.FlipBit(path, offset, offset % 8);
            using var log = TestLog.Open(disk);
            using (var reader = log.OpenNewestCheckpoint()!)
            {
                Assert.Equal(60ul, reader.Lsn.Value);
                Assert.Equal(["old", "state"], Blocks(reader));
                Assert.Equal(path, Assert.Single(reader.PassedOver).File);
            }

            Assert.Equal(TestLog.Entries(61, 60, 1), log.ReplayFrom(new Lsn(61)).Select(Entry.Of));
            Assert.Single(log.InvalidCheckpoints);

            // It is replaced in time, and only then deleted.
            log.WriteCheckpoint(110);
            Assert.Empty(log.InvalidCheckpoints);
            Assert.False(disk.FileExists(path));
        }
    }

    [Fact]
    public void Without_any_valid_checkpoint_a_truncated_log_is_corrupt_and_a_whole_one_is_not()
    {
        using (var log = TestLog.Open(_disk))
        {
            for (var i = 0; i < 30; i++) log.Append(4);
            log.WriteCheckpoint(60);
            log.WriteCheckpoint(100);
        }

        foreach (var name in _disk.ListFiles(TestLog.Directory).Where(f => f.EndsWith(".ckpt", StringComparison.Ordinal))) _disk.FlipBit(TestLog.Directory + "/" + name, 70, 3);
        var truncated = _disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
        using (var log = TestLog.Open(_disk))
        {
            Assert.Null(log.OpenNewestCheckpoint());
            Assert.Equal(2, log.InvalidCheckpoints.Count);
            Assert.Equal(120, log.ReadAll().Count);
        }

        truncated.Delete(TestLog.Segments(truncated)[0]);
        Assert.Throws<WalCorruptionException>(() =>
        {
            using var log = TestLog.Open(truncated);
            log.OpenNewestCheckpoint();
        });
    }

    [Fact]
    public void A_reader_keeps_its_checkpoint_while_newer_ones_replace_it()
    {
        using var log = TestLog.Open(_disk);
        log.Append(20);
        log.WriteCheckpoint(5, "five");
        using var reader = log.OpenNewestCheckpoint()!;
        log.WriteCheckpoint(10);
        log.WriteCheckpoint(15);

        Assert.Equal([10ul, 15ul], Checkpoints());
        Assert.Equal(["five"], Blocks(reader));
    }

    [Fact]
    public void A_crash_at_every_byte_and_operation_of_a_checkpoint_leaves_the_last_one_or_the_new_one()
    {
        var whole = Prepared();
        var (bytes, operations) = (whole.BytesWritten, whole.Operations);
        Write(whole);
        for (var at = bytes + 1; at <= whole.BytesWritten; at++) Check(disk => disk.CrashAtByte = at, (int)at);
        for (var index = operations; index < whole.Operations; index++) Check(disk => disk.Faults = o => o.Index == index ? DiskFault.Crash : DiskFault.None, index);

        static FaultyFileSystem Prepared()
        {
            var disk = new FaultyFileSystem();
            var log = TestLog.Open(disk);
            for (var i = 0; i < 20; i++) log.Append(4);
            log.WriteCheckpoint(30, "thirty");
            log.WriteCheckpoint(50, "fifty", new string('5', 300));
            log.Dispose();
            return disk;
        }

        static void Write(FaultyFileSystem disk)
        {
            using var log = TestLog.Open(disk);
            log.WriteCheckpoint(70, "seventy", new string('7', 600));
            log.TruncatePrefix(new Lsn(71));
        }

        static void Check(Action<FaultyFileSystem> plan, int seed)
        {
            var disk = Prepared();
            plan(disk);
            var crash = Record.Exception(() => Write(disk));
            Assert.True(crash is SimulatedCrashException or WalBrokenException { InnerException: SimulatedCrashException } || disk.Crashed, $"{crash}");

            using var log = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.Random(seed)));
            using var reader = log.OpenNewestCheckpoint()!;
            Assert.Empty(reader.PassedOver);
            Assert.Equal(reader.Lsn.Value == 70 ? ["seventy", new string('7', 600)] : ["fifty", new string('5', 300)], Blocks(reader));
            Assert.Equal(TestLog.Entries(reader.Lsn.Value + 1, 80 - (int)reader.Lsn.Value, 1), log.ReplayFrom(reader.Lsn.Next).Select(Entry.Of));
        }
    }

    private static List<string> Blocks(CheckpointReader reader) => [.. reader.ReadBlocks().Select(b => Encoding.UTF8.GetString(b.Span))];

    private List<ulong> Checkpoints() =>
        [.. _disk.ListFiles(TestLog.Directory).Where(f => f.EndsWith(".ckpt", StringComparison.Ordinal)).Select(f => ulong.Parse(f.AsSpan(11, 20)))];
}

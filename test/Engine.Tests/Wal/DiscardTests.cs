using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>A damaged log is put aside, and the replica keeps its promise.</summary>
public sealed class DiscardTests
{
    private static readonly HardState Promise = new(new Epoch(6), "node3", TestLog.Incarnation, 1, default);

    [Fact]
    public void What_follows_is_an_empty_log_with_the_same_hard_state()
    {
        var disk = Damaged();
        Assert.Throws<WalCorruptionException>(() => TestLog.Open(disk));
        Discard(disk);
        disk = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);

        using (var log = TestLog.Open(disk))
        {
            Assert.True(log.Recovery.Created);
            Assert.Equal((0ul, 1ul, 0ul), (log.LastLsn.Value, log.FirstLsn.Value, log.CheckpointLsn.Value));
            log.Append(3, epoch: 7);
        }

        CheckPromise(disk);
        using var again = TestLog.Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(TestLog.Entries(1, 3, 7), again.ReadAll());
        Assert.Equal(["hard-state-a", "hard-state-b", "wal-00000000000000000001.log"], disk.ListFiles(TestLog.Directory).Where(file => !file.StartsWith("aside-", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_was_damaged_stays_under_other_names_also_when_it_happens_again_before_the_replica_is_whole()
    {
        var disk = Damaged();
        var before = Contents(disk, "");
        Discard(disk);
        using (var log = TestLog.Open(disk)) log.Append(3, epoch: 7);
        Discard(disk);

        using (TestLog.Open(disk)) Assert.Equal(before, Contents(disk, "aside-"));
        CheckPromise(disk);
    }

    [Fact]
    public void What_a_newer_program_wrote_is_not_taken_for_damage()
    {
        foreach (var (file, crcOffset) in new[] { (Path.GetFileName(TestLog.Segments(Damaged())[0]), 68), ("hard-state-a", 4092) })
        {
            var disk = Damaged();
            var path = $"{TestLog.Directory}/{file}";
            var bytes = disk.ReadAll(path);
            bytes[8] = 9;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(crcOffset), Crc32C.Compute(bytes.AsSpan(0, crcOffset)));
            using (var changed = disk.Open(path)) changed.Write(0, bytes);
            var before = Contents(disk, "");

            Assert.Throws<UnknownFormatException>(() => file == "hard-state-a"
                ? (object)HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation)
                : TestLog.Open(disk));
            Assert.Equal(before, Contents(disk, ""));
        }
    }

    /// <summary>Log and checkpoints, by name without the prefix.</summary>
    private static List<(string Name, string Content)> Contents(FaultyFileSystem disk, string prefix) =>
        [.. disk.ListFiles(TestLog.Directory).Where(file => file.StartsWith(prefix + "wal-", StringComparison.Ordinal) || file.StartsWith(prefix + "checkpoint-", StringComparison.Ordinal))
            .Select(file => (file[prefix.Length..], Convert.ToHexString(disk.ReadAll($"{TestLog.Directory}/{file}"))))];

    [Fact]
    public void Without_a_sound_hard_state_nothing_is_removed()
    {
        foreach (var damage in new Action<FaultyFileSystem>[]
        {
            d => d.Delete(TestLog.Directory + "/hard-state-a"),
            d =>
            {
                d.Delete(TestLog.Directory + "/hard-state-a");
                d.Delete(TestLog.Directory + "/hard-state-b");
            },
            d =>
            {
                d.FlipBit(TestLog.Directory + "/hard-state-a", 50, 1);
                d.FlipBit(TestLog.Directory + "/hard-state-b", 50, 1);
            },
        })
        {
            var disk = Damaged();
            damage(disk);
            var files = disk.ListFiles(TestLog.Directory);
            Assert.Throws<WalCorruptionException>(() => Discard(disk));
            Assert.Equal(files, disk.ListFiles(TestLog.Directory));
        }
    }

    private static void Discard(FaultyFileSystem disk) => WriteAheadLog.DiscardDamaged(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);

    private static void CheckPromise(FaultyFileSystem disk)
    {
        var found = HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Read()!;
        Assert.Equal((Promise.PromisedEpoch, Promise.PromisedNode, Promise.PromisedNonce), (found.PromisedEpoch, found.PromisedNode, found.PromisedNonce));
    }

    private static FaultyFileSystem Damaged()
    {
        var disk = new FaultyFileSystem();
        using (var log = TestLog.Open(disk))
        {
            for (var i = 0; i < 30; i++) log.Append(4);
            log.WriteCheckpoint(60, "sixty");
            log.WriteCheckpoint(100, "hundred");
            log.TruncatePrefix(new Lsn(101));
        }

        HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Write(Promise);
        disk.FlipBit(TestLog.Segments(disk)[^1], 200, 1);
        return disk;
    }
}

using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class HardStateTests
{
    private const string SlotA = TestLog.Directory + "/hard-state-a";
    private const string SlotB = TestLog.Directory + "/hard-state-b";

    [Fact]
    public void There_is_no_state_before_the_first_write()
    {
        Assert.Null(Open(Prepared()).Read());
    }

    [Fact]
    public void The_last_state_is_read_back()
    {
        var disk = Prepared();
        var file = Open(disk);
        for (var i = 1; i <= 5; i++) file.Write(State(i));

        Assert.Equal(Text(State(5)), Text(file.Read()));
        Assert.Equal(Text(State(5)), Text(Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced)).Read()));
    }

    [Fact]
    public void A_crash_at_every_byte_and_operation_leaves_the_acknowledged_state_or_the_one_under_way()
    {
        var whole = Prepared();
        var (firstByte, firstOperation) = (whole.BytesWritten, whole.Operations);
        Assert.Equal(4, WriteFour(whole));
        for (var at = firstByte + 1; at <= whole.BytesWritten; at += 41) Check(disk => disk.CrashAtByte = at, (int)at);
        for (var index = firstOperation; index < whole.Operations; index++) Check(disk => disk.Faults = o => o.Index == index ? DiskFault.Crash : DiskFault.None, index);

        static int WriteFour(FaultyFileSystem disk)
        {
            var written = 0;
            try
            {
                var file = Open(disk);
                for (; written < 4; written++) file.Write(State(written + 1));
            }
            catch (Exception exception) when (exception is WalBrokenException or SimulatedCrashException)
            {
                Assert.True(disk.Crashed);
            }

            return written;
        }

        static void Check(Action<FaultyFileSystem> plan, int seed)
        {
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.KeepUnsynced, CrashOutcome.Random(seed) })
            {
                var disk = Prepared();
                plan(disk);
                var written = WriteFour(disk);
                var killed = disk.AfterProcessKill();
                disk = disk.AfterPowerLoss(outcome);
                var found = Text(Open(disk).Read());
                Assert.Contains(found, new[] { written == 0 ? "" : Text(State(written)), Text(State(written + 1)) });

                // Mended: one slot may rot now, and the promise is still known.
                if (found.Length > 0) disk.FlipBit(seed % 2 == 0 ? SlotA : SlotB, 60, 1);
                Assert.Equal(found, Text(Open(disk).Read()));

                // A second process reads the cache that a killed one left, and must not forget that in a power loss.
                var read = Text(Open(killed).Read());
                Assert.Equal(read, Text(Open(killed.AfterPowerLoss(outcome)).Read()));
            }
        }
    }

    [Fact]
    public void One_damaged_slot_brings_no_older_promise_back()
    {
        var disk = Prepared();
        var file = Open(disk);
        for (var i = 1; i <= 3; i++) file.Write(State(i));
        for (var offset = 0; offset < 4096; offset += 7)
        {
            foreach (var slot in new[] { SlotA, SlotB })
            {
                var damaged = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
                damaged.FlipBit(slot, offset, offset % 8);
                var reopened = Open(damaged);
                Assert.Equal(Text(State(3)), Text(reopened.Read()));
                Assert.True(reopened.Repaired);
                Assert.False(Open(damaged).Repaired);
            }
        }
    }

    /// <summary>A write that power takes away may leave anything of what it wrote to, also where it wrote what was there.</summary>
    [Fact]
    public void The_damaged_slot_is_written_before_the_only_sound_one()
    {
        foreach (var (damaged, sound) in new[] { (SlotA, SlotB), (SlotB, SlotA) })
        {
            var disk = WithDamaged(damaged);
            List<string> written = [];
            disk.Faults = operation =>
            {
                if (operation.Kind == DiskOperationKind.Write) written.Add(operation.Path);
                return DiskFault.None;
            };
            Assert.True(Open(disk).Repaired);
            Assert.Equal([damaged, sound], written);
        }
    }

    [Fact]
    public void A_crash_while_a_damaged_slot_is_mended_takes_the_sound_one_from_nobody()
    {
        foreach (var slot in new[] { SlotA, SlotB })
        {
            var whole = WithDamaged(slot);
            var (firstByte, firstOperation) = (whole.BytesWritten, whole.Operations);
            Assert.True(Open(whole).Repaired);
            for (var at = firstByte + 1; at <= whole.BytesWritten; at += 41) Check(slot, disk => disk.CrashAtByte = at, (int)at);
            for (var index = firstOperation; index < whole.Operations; index++) Check(slot, disk => disk.Faults = o => o.Index == index ? DiskFault.Crash : DiskFault.None, index);
        }

        static void Check(string slot, Action<FaultyFileSystem> plan, int seed)
        {
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.KeepUnsynced, CrashOutcome.Random(seed) })
            {
                var disk = WithDamaged(slot);
                plan(disk);
                Record.Exception(() => Open(disk));
                Assert.True(disk.Crashed);
                Assert.Equal((slot, seed, Text(State(2))), (slot, seed, Text(Open(disk.AfterPowerLoss(outcome)).Read())));
            }
        }
    }

    [Fact]
    public void Two_damaged_slots_or_a_missing_one_are_corruption()
    {
        var disk = Prepared();
        var file = Open(disk);
        file.Write(State(1));
        file.Write(State(2));
        foreach (var slot in new[] { SlotA, SlotB })
        {
            var missing = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
            missing.Delete(slot);
            Assert.Equal(slot, Assert.Throws<WalCorruptionException>(() => Open(missing)).File);
        }

        disk.FlipBit(SlotA, 50, 0);
        disk.FlipBit(SlotB, 3000, 0);
        Assert.Contains("both", Assert.Throws<WalCorruptionException>(() => Open(disk)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_of_another_replica_is_refused()
    {
        var disk = Prepared();
        Open(disk).Write(State(1));

        Assert.Throws<WalCorruptionException>(() => HardStateFile.Open(disk, TestLog.Directory, new(8), TestLog.Incarnation));
        Assert.Throws<WalCorruptionException>(() => HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, Guid.Empty));
    }

    [Fact]
    public void A_failed_sync_is_final()
    {
        var disk = Prepared();
        var file = Open(disk);
        file.Write(State(1));
        disk.Faults = o => o.Kind == DiskOperationKind.SyncFile ? DiskFault.InputOutput : DiskFault.None;
        Assert.Throws<WalBrokenException>(() => file.Write(State(2)));
        disk.Faults = _ => DiskFault.None;

        Assert.Throws<WalBrokenException>(() => file.Write(State(2)));
        Assert.Equal(Text(State(1)), Text(file.Read()));
    }

    [Fact]
    public void What_is_read_after_a_failed_write_is_durable_in_both_slots()
    {
        var whole = WithTwo();
        var first = whole.Operations;
        Open(whole).Write(State(3));
        for (var index = first; index < whole.Operations; index++)
        {
            var disk = WithTwo();
            disk.Faults = o => o.Index == index ? DiskFault.InputOutput : DiskFault.None;
            Assert.True(Record.Exception(() => Open(disk).Write(State(3))) is WalIOException or WalBrokenException);
            var again = disk.AfterProcessKill(); // what never reached the disk is still in the cache
            var read = Text(Open(again).Read());
            foreach (var slot in new[] { SlotA, SlotB })
            {
                var damaged = again.AfterPowerLoss(CrashOutcome.LoseUnsynced);
                damaged.FlipBit(slot, 60, 1);
                Assert.Equal((index, slot, read), (index, slot, Text(Open(damaged).Read())));
            }
        }

        static FaultyFileSystem WithTwo()
        {
            var disk = Prepared();
            var file = Open(disk);
            file.Write(State(1));
            file.Write(State(2));
            return disk;
        }
    }

    [Fact]
    public void A_full_disk_before_the_first_state_heals()
    {
        var disk = Prepared();
        var file = Open(disk);
        disk.CapacityBytes = disk.UsedBytes + 5000;
        Assert.Throws<DiskFullException>(() => file.Write(State(1)));
        disk.CapacityBytes = long.MaxValue;
        file.Write(State(2));
        Assert.Equal(Text(State(2)), Text(Open(disk).Read()));

        disk.CapacityBytes = disk.UsedBytes; // later ones overwrite in place
        file.Write(State(3));
        Assert.Equal(Text(State(3)), Text(file.Read()));
    }

    [Fact]
    public void Names_and_extensions_have_bounds()
    {
        var file = Open(Prepared());
        file.Write(State(1) with { PromisedNode = new string('n', 255), Extension = new byte[HardStateFile.MaxExtensionBytes] });
        Assert.Throws<ArgumentException>(() => file.Write(State(1) with { PromisedNode = new string('ü', 128) }));
        Assert.Throws<ArgumentException>(() => file.Write(State(1) with { Extension = new byte[HardStateFile.MaxExtensionBytes + 1] }));
    }

    private static FaultyFileSystem WithDamaged(string slot)
    {
        var disk = Prepared();
        var file = Open(disk);
        file.Write(State(1));
        file.Write(State(2));
        disk.FlipBit(slot, 60, 1);
        return disk;
    }

    private static FaultyFileSystem Prepared()
    {
        var disk = new FaultyFileSystem();
        TestLog.Open(disk).Dispose();
        return disk;
    }

    private static HardStateFile Open(IWalFileSystem disk) => HardStateFile.Open(disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);

    private static HardState State(int i) => new(new Epoch((ulong)i), $"node{i}", new Guid(i, 2, 3, new byte[8]), (byte)(i % 3), new byte[] { 1, (byte)i });

    private static string Text(HardState? state) =>
        state is null ? "" : $"{state.PromisedEpoch} {state.PromisedNode} {state.PromisedNonce} {state.ReplicaState} {Convert.ToHexString(state.Extension.Span)}";
}

using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class WalInspectorTests
{
    private const string Node = "/data/node1";

    private readonly FaultyFileSystem _disk = new();

    [Fact]
    public void A_healthy_node_has_no_problems()
    {
        Fill();
        var (problems, text) = Verify(Node);

        Assert.Equal(0, problems);
        Assert.Contains("ok /data/node1/ranges/7 range 7 incarnation 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 segments 3 records 80 lsn 1..80 epoch 2 checkpoint 50 closed cleanly", text, StringComparison.Ordinal);
        Assert.Contains("ok /data/node1/ranges/12 ", text, StringComparison.Ordinal);
    }

    [Fact]
    public void One_replica_directory_is_taken_too()
    {
        Fill();
        Assert.Equal(0, Verify(TestLog.Directory).Problems);
    }

    [Fact]
    public void Every_record_checkpoint_and_hard_state_is_printed_and_no_payload()
    {
        Fill();
        using var output = new StringWriter();
        WalInspector.Inspect(_disk, Node, output);
        var text = output.ToString();

        for (var lsn = 1ul; lsn <= 80; lsn++)
        {
            var entry = TestLog.EntryAt(lsn, lsn <= 40 ? 1ul : 2);
            Assert.Contains($"record lsn {lsn} epoch {entry.Epoch} type {entry.Type} flags {entry.Flags} timestamp {entry.Timestamp:x16} payload {entry.Payload.Length / 2} B", text, StringComparison.Ordinal);
            if (entry.Payload.Length > 8) Assert.DoesNotContain(entry.Payload[..8], text, StringComparison.Ordinal);
        }

        Assert.Contains("checkpoint checkpoint-00000000000000000050.ckpt: lsn 50 epoch 2 meta 7 B, 2 blocks of 8 B", text, StringComparison.Ordinal);
        Assert.Contains("hard-state-a: sequence 1 promised epoch 6 to 'node3'", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_stops_a_recovery_is_a_problem()
    {
        Fill();
        var checkpoint = TestLog.Directory + "/checkpoint-00000000000000000050.ckpt";
        var whole = _disk.ReadAll(TestLog.Segments(_disk)[0]).Length;
        for (var offset = 0; offset < whole; offset += 23)
        {
            var disk = _disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
            disk.FlipBit(TestLog.Segments(disk)[0], offset, 2);
            var problems = WalInspector.Verify(disk, Node, TextWriter.Null);
            var stops = Record.Exception(() => TestLog.Open(disk).Dispose()) is WalCorruptionException;
            Assert.Equal(stops, problems > 0);
        }

        _disk.FlipBit(checkpoint, 90, 1);
        var (count, text) = Verify(Node);
        Assert.Equal(1, count);
        Assert.Contains($"problem {checkpoint}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_tail_is_said_and_is_no_problem()
    {
        var log = TestLog.Open(_disk);
        log.Append(5);
        _disk.CrashAtByte = _disk.BytesWritten + 200;
        Assert.Throws<WalBrokenException>(() => log.Append(9));
        var disk = _disk.AfterPowerLoss(CrashOutcome.KeepUnsynced);
        using var output = new StringWriter();

        Assert.Equal(0, WalInspector.Verify(disk, TestLog.Directory, output));
        Assert.Contains("torn tail", output.ToString(), StringComparison.Ordinal);
        using var recovered = TestLog.Open(disk);
        Assert.True(recovered.Recovery.TornBytes > 0);
    }

    [Fact]
    public void An_empty_directory_is_a_new_replica_one_without_its_log_a_problem_and_a_missing_one_an_error()
    {
        DurableDirectory.Create(_disk, "/data/node1/ranges/3");
        Assert.Equal(0, Verify(Node).Problems);
        _disk.Create("/data/node1/ranges/3/checkpoint.tmp").Dispose();
        Assert.Equal(1, Verify(Node).Problems);
        Assert.Throws<DirectoryNotFoundException>(() => Verify("/nowhere"));
    }

    private void Fill()
    {
        using (var log = TestLog.Open(_disk))
        {
            for (var i = 0; i < 10; i++) log.Append(8, epoch: i < 5 ? 1ul : 2);
            log.WriteCheckpoint(50, "four", "more");
        }

        HardStateFile.Open(_disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation).Write(new(new Epoch(6), "node3", Guid.Empty, 0, default));
        WriteAheadLog.Open(TestLog.Small, _disk, Node + "/ranges/12", new(12), TestLog.Incarnation).Dispose();
    }

    private (int Problems, string Text) Verify(string directory)
    {
        using var output = new StringWriter();
        return (WalInspector.Verify(_disk, directory, output), output.ToString());
    }
}

using System.Buffers;
using System.Text;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>
/// Whoever reads while the log is replaced or cut gets what was true, or is told; at every file operation of the change, and with readers that began before and go on
/// after it. Never corruption, never a mixture.
/// </summary>
public sealed class ReplacementReaderTests
{
    private static readonly List<Entry> Old = TestLog.Entries(1, 80, 1);

    private readonly FaultyFileSystem _disk = new();

    [Theory]
    [InlineData(30)]
    [InlineData(70)]
    [InlineData(300)]
    public void An_installation(ulong lsn) => During(log => log.InstallSnapshot(lsn, epoch: 4, timestamp: 55, $"state at {lsn}"), [], lsn);

    /// <summary>The new segment has the name, and so the salt, of an old one.</summary>
    [Fact]
    public void An_installation_before_an_old_segment()
    {
        using (Filled())
        {
            // to learn where its last segment begins
        }

        var first = ulong.Parse(Path.GetFileName(TestLog.Segments(_disk)[^1]).AsSpan(4, 20));
        foreach (var file in _disk.ListFiles(TestLog.Directory)) _disk.Delete(TestLog.Directory + "/" + file);
        During(
            log =>
            {
                log.InstallSnapshot(first - 1, epoch: 4, timestamp: 55, $"state at {first - 1}");
                log.Append(10, epoch: 4);
            },
            TestLog.Entries(first, 10, 4),
            first - 1);
    }

    [Fact]
    public void A_suffix_truncation() => During(
        log =>
        {
            log.TruncateSuffix(new Lsn(50));
            log.Append(10, epoch: 4);
        },
        [.. Old[..49], .. TestLog.Entries(50, 10, 4)],
        40);

    [Fact]
    public void A_checkpoint_of_a_state_that_is_gone_is_abandoned()
    {
        using var log = Filled();
        using (var writer = log.BeginCheckpoint(new Lsn(60), []))
        {
            writer.WriteBlock("of the old state"u8);
            log.InstallSnapshot(50, epoch: 4, timestamp: 55, "new");
            writer.WriteBlock("of the old state"u8);
            Assert.Throws<LogReplacedException>(writer.Commit);
        }

        Assert.Equal(["checkpoint-00000000000000000050.ckpt", "wal-00000000000000000051.log"], _disk.ListFiles(TestLog.Directory));
        Assert.Equal((50ul, WalStatus.Healthy), (log.CheckpointLsn.Value, log.Status));
        log.Append(4, epoch: 4);
        log.WriteCheckpoint(52, "of the new state");
        Assert.Equal(52ul, log.CheckpointLsn.Value);
        Assert.True(log.BytesSinceCheckpoint >= 0);
    }

    [Fact]
    public void A_checkpoint_and_a_snapshot_under_way_survive_a_suffix_truncation()
    {
        using var log = Filled();
        using (var writer = log.BeginCheckpoint(new Lsn(60), []))
        using (var install = log.BeginInstall(new Lsn(90), new Epoch(4), default, default))
        {
            log.TruncateSuffix(new Lsn(70));
            writer.WriteBlock("sixty"u8);
            writer.Commit();
            Assert.Equal((60ul, 69ul), (log.CheckpointLsn.Value, log.LastLsn.Value));
            install.WriteBlock("ninety"u8);
            install.Commit();
        }

        using var again = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        using var reader = again.OpenNewestCheckpoint()!;
        Assert.Equal((90ul, "ninety"), (reader.Lsn.Value, Encoding.UTF8.GetString(reader.ReadBlock(0))));
    }

    private void During(Action<WriteAheadLog> change, List<Entry> after, ulong checkpointAfter)
    {
        using var log = Filled();
        List<List<Entry>> states = [Old, [.. after.Where(e => e.Epoch == 1)], after]; // before, changed, and appended to
        var (refused, served) = (0, 0);
        List<IEnumerator<WalRecord>> begun = [];
        List<CheckpointReader> open = [log.OpenNewestCheckpoint()!];
        var reading = false;
        _disk.Faults = _ =>
        {
            if (reading) return DiskFault.None;
            reading = true;
            ReadAllWays();
            reading = false;
            return DiskFault.None;
        };
        change(log);
        _disk.Faults = _ => DiskFault.None;
        ReadAllWays();
        Assert.All(begun, replay => Try(() =>
        {
            var rest = Rest(replay);
            Assert.True(IsPartOf(rest, Old) || IsPartOf(rest, after));
        }));
        Assert.All(open, reader => Assert.Equal(reader.Lsn.Value == 40 ? "state at 40" : $"state at {checkpointAfter}", Encoding.UTF8.GetString(reader.ReadBlock(0))));
        open.ForEach(reader => reader.Dispose());
        Assert.True(refused > 3 && served > 3, $"{refused} refused, {served} served");
        Assert.Equal(after, log.ReadAll());

        void ReadAllWays()
        {
            foreach (var from in new ulong[] { 1, 31, 45, 60, 75 })
            {
                Try(() =>
                {
                    var destination = new ArrayBufferWriter<byte>();
                    log.ReadEncoded(new Lsn(from), int.MaxValue, destination, out _);
                    var read = Decoded(destination.WrittenMemory);
                    Assert.True(states.Any(state => IsSuffixFrom(read, state, from)), $"{read.Count} records from {from}");
                });
                Try(() =>
                {
                    var read = log.ReplayFrom(new Lsn(from)).Select(Entry.Of).ToList();
                    Assert.True(states.Any(state => IsSuffixFrom(read, state, from)), $"{read.Count} records from {from}");
                });
                Try(() =>
                {
                    if (log.TryGetEpoch(new Lsn(from), out var epoch)) Assert.Contains(epoch.Value, new ulong[] { 1, 4 });
                });
                Try(() =>
                {
                    var replay = log.ReplayFrom(new Lsn(from)).GetEnumerator();
                    if (replay.MoveNext()) begun.Add(replay);
                });
            }

            Try(() => open.Add(log.OpenNewestCheckpoint()!));
        }

        void Try(Action read)
        {
            try
            {
                read();
                served++;
            }
            catch (Exception exception) when (exception is LogReplacedException or LogTruncatedException)
            {
                refused++;
            }
        }
    }

    private static List<Entry> Rest(IEnumerator<WalRecord> replay)
    {
        List<Entry> rest = [Entry.Of(replay.Current)];
        while (replay.MoveNext()) rest.Add(Entry.Of(replay.Current));
        return rest;
    }

    private static bool IsPartOf(List<Entry> part, List<Entry> all) => all.SkipWhile(e => e != part[0]).Take(part.Count).SequenceEqual(part);

    private static bool IsSuffixFrom(List<Entry> read, List<Entry> all, ulong from) => read.SequenceEqual(all.Where(e => e.Lsn >= from));

    private static List<Entry> Decoded(ReadOnlyMemory<byte> bytes)
    {
        List<Entry> entries = [];
        while (!bytes.IsEmpty)
        {
            Assert.True(WalRecordCodec.TryDecode(bytes, out var record, out var size, out var problem), problem);
            entries.Add(Entry.Of(record));
            bytes = bytes[size..];
        }

        return entries;
    }

    private WriteAheadLog Filled()
    {
        var log = TestLog.Open(_disk);
        for (var i = 0; i < 80; i += 4) log.Append(4);
        log.WriteCheckpoint(20, "state at 20");
        log.WriteCheckpoint(40, "state at 40");
        return log;
    }
}

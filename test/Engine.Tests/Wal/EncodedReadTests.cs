using System.Buffers;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

/// <summary>Records on their way to other replicas: byte for byte as they were appended.</summary>
public sealed class EncodedReadTests
{
    private readonly FaultyFileSystem _disk = new();

    [Fact]
    public void From_every_record_and_with_every_bound_it_gives_what_was_appended()
    {
        using var log = Filled(out var encoded);
        Assert.True(TestLog.Segments(_disk).Count > 2);
        foreach (var maxBytes in new[] { 0, 1, 40, 41, 100, 1000, 8192, 20_000, int.MaxValue })
        {
            for (var from = 1; from <= encoded.Count; from++)
            {
                var destination = new ArrayBufferWriter<byte>();
                var bytes = log.ReadEncoded(new Lsn((ulong)from), maxBytes, destination, out var last);

                var expected = Expected(encoded, from, maxBytes);
                Assert.Equal(from - 1 + expected.Count, (int)last.Value);
                Assert.Equal(expected.SelectMany(b => b), destination.WrittenSpan.ToArray());
                Assert.Equal(destination.WrittenCount, bytes);
            }
        }
    }

    [Fact]
    public void Piece_by_piece_it_fills_another_log_with_the_same_records()
    {
        using var log = Filled(out _);
        var otherDisk = new FaultyFileSystem();
        using var other = TestLog.Open(otherDisk);
        var destination = new ArrayBufferWriter<byte>();
        while (log.ReadEncoded(other.LastLsn.Next, 700, destination, out var last) > 0)
        {
            using var batch = new WalBatch();
            batch.AddEncoded(destination.WrittenSpan);
            other.Append(batch);
            Assert.Equal(last, other.LastLsn);
            destination.ResetWrittenCount();
        }

        Assert.Equal(log.ReadAll(), other.ReadAll());
        Assert.Equal((log.LastLsn, log.LastEpoch, log.LastTimestamp), (other.LastLsn, other.LastEpoch, other.LastTimestamp));
    }

    [Fact]
    public void Records_larger_than_any_window_come_whole()
    {
        using var log = WriteAheadLog.Open(new WalOptions(), _disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
        using var batch = new WalBatch();
        for (var lsn = 1ul; lsn <= 5; lsn++) batch.Add(1, 0, new Epoch(1), new Lsn(lsn), default, new byte[lsn * 70_000]);
        log.Append(batch);

        var destination = new ArrayBufferWriter<byte>();
        log.ReadEncoded(new Lsn(2), 1, destination, out var last);
        Assert.Equal((2ul, WalRecordCodec.EncodedBytes(140_000)), (last.Value, destination.WrittenCount));
        destination.ResetWrittenCount();
        log.ReadEncoded(new Lsn(1), int.MaxValue, destination, out last);
        Assert.Equal(batch.Bytes.ToArray(), destination.WrittenSpan.ToArray());
    }

    [Fact]
    public void Above_the_log_there_is_nothing_and_below_it_an_error()
    {
        using var log = Filled(out var encoded);
        var destination = new ArrayBufferWriter<byte>();
        Assert.Equal(0, log.ReadEncoded(log.LastLsn.Next, 1000, destination, out var last));
        Assert.Equal((log.LastLsn, 0), (last, destination.WrittenCount));
        log.WriteCheckpoint(150, "a");
        log.WriteCheckpoint(160, "b");
        log.TruncatePrefix(new Lsn(200));

        Assert.NotEqual(1ul, log.FirstLsn.Value);
        Assert.Equal(log.FirstLsn, Assert.Throws<LogTruncatedException>(() => log.ReadEncoded(new Lsn(log.FirstLsn.Value - 1), 1000, destination, out _)).FirstLsn);
        Assert.Throws<LogTruncatedException>(() => log.ReadEncoded(Lsn.Zero, 1000, destination, out _));
        log.ReadEncoded(log.FirstLsn, int.MaxValue, destination, out last);
        Assert.Equal(encoded.Skip((int)log.FirstLsn.Value - 1).SelectMany(b => b), destination.WrittenSpan.ToArray());
    }

    [Fact]
    public void Damage_is_said_and_not_sent()
    {
        using var log = Filled(out _);
        var segment = TestLog.Segments(_disk)[1];
        _disk.FlipBit(segment, 500, 3);

        Assert.Equal(segment, Assert.Throws<WalCorruptionException>(() => log.ReadEncoded(new Lsn(1), int.MaxValue, new ArrayBufferWriter<byte>(), out _)).File);
    }

    /// <summary>Per call a file is opened and a list of segments made; per record nothing.</summary>
    [Fact]
    public void Nothing_is_allocated_per_record()
    {
        using var log = WriteAheadLog.Open(new WalOptions(), _disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
        for (var i = 0; i < 20; i++) log.Append(100);
        var destination = new ArrayBufferWriter<byte>(1 << 20);
        log.ReadEncoded(new Lsn(1), int.MaxValue, destination, out _);
        destination.ResetWrittenCount();

        var before = GC.GetAllocatedBytesForCurrentThread();
        log.ReadEncoded(new Lsn(1), int.MaxValue, destination, out var last);
        Assert.Equal(2000ul, last.Value);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4000);
    }

    private static List<byte[]> Expected(List<byte[]> encoded, int from, int maxBytes)
    {
        List<byte[]> expected = [encoded[from - 1]];
        var total = (long)expected[0].Length;
        foreach (var record in encoded.Skip(from))
        {
            total += record.Length;
            if (total > maxBytes) break;
            expected.Add(record);
        }

        return expected;
    }

    private WriteAheadLog Filled(out List<byte[]> encoded)
    {
        var log = TestLog.Open(_disk);
        encoded = [];
        for (var i = 0; i < 40; i++)
        {
            foreach (var entry in log.Append(1 + (i % 9), epoch: 1 + (ulong)i / 10))
            {
                using var one = TestLog.Batch([entry]);
                encoded.Add(one.Bytes.ToArray());
            }
        }

        return log;
    }
}

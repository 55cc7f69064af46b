using System.Text;
using CsCheck;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class RecordCodecTests
{
    private static readonly Gen<WalRecord> AnyRecord = Gen.Select(
        Gen.Byte, Gen.Byte, Gen.ULong, Gen.ULong[1, ulong.MaxValue - 1], Gen.ULong, Gen.Byte.Array[0, 300],
        (type, flags, epoch, lsn, timestamp, payload) => new WalRecord(type, flags, new Epoch(epoch), new Lsn(lsn), new Timestamp(timestamp), payload));

    [Fact]
    public void The_checksum_is_castagnolis() // RFC 3720, appendix B.4
    {
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
    }

    [Fact]
    public void The_layout_is_that_of_the_format_page()
    {
        using var batch = new WalBatch();
        batch.Add(0x11, 0x22, new Epoch(0x3344), new Lsn(0x5566), new Timestamp(0x7788), "pay"u8);

        Assert.Equal("25000000" + "E4D16AF3" + "11" + "22" + "4433000000000000" + "6655000000000000" + "8877000000000000" + "706179" + "000000", Convert.ToHexString(batch.Bytes.Span));
    }

    [Fact]
    public void What_is_encoded_is_decoded() => AnyRecord.Sample(record =>
    {
        using var batch = Encoded(record);
        Assert.True(WalRecordCodec.TryDecode(batch.Bytes, out var decoded, out var size, out _));
        Assert.Equal(batch.Bytes.Length, size);
        Assert.Equal(0, size % WalRecordCodec.Alignment);
        Assert.Equal(Entry.Of(record), Entry.Of(decoded));
    });

    [Fact]
    public void Every_flipped_bit_is_noticed() => AnyRecord.Sample(record =>
    {
        using var batch = Encoded(record);
        var bytes = batch.Bytes.ToArray();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(WalRecordCodec.TryDecode(bytes, out _, out _, out var problem));
            Assert.NotEmpty(problem);
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }, iter: 50);

    [Fact]
    public void Cut_and_empty_bytes_are_no_record() => AnyRecord.Sample(record =>
    {
        using var batch = Encoded(record);
        for (var length = 0; length < batch.Bytes.Length; length++) Assert.False(WalRecordCodec.TryDecode(batch.Bytes[..length], out _, out _, out _));
        Assert.False(WalRecordCodec.TryDecode(new byte[64], out _, out _, out _));
    }, iter: 50);

    [Fact]
    public void Bytes_from_the_wire_become_the_same_batch() => AnyRecord.Array[1, 20].Sample(records =>
    {
        using var sent = new WalBatch();
        for (var i = 0; i < records.Length; i++)
            sent.Add(records[i].Type, records[i].Flags, new Epoch(5), new Lsn(100 + (ulong)i), records[i].Timestamp, records[i].Payload.Span);
        using var received = new WalBatch();
        received.AddEncoded(sent.Bytes.Span);

        Assert.Equal(sent.Bytes.ToArray(), received.Bytes.ToArray());
        Assert.Equal((sent.Count, sent.First, sent.Last, sent.LargestTimestamp), (received.Count, received.First, received.Last, received.LargestTimestamp));
        var damaged = sent.Bytes.ToArray();
        damaged[^9] ^= 1;
        received.Clear();
        Assert.Throws<ArgumentException>(() => received.AddEncoded(damaged));
        Assert.True(received.IsEmpty);
    });

    [Fact]
    public void A_payload_can_be_written_in_place_and_be_shorter_than_its_room()
    {
        using var batch = new WalBatch();
        batch.Add(1, 0, new Epoch(1), new Lsn(1), default, 100, "hello", static (room, text) => Encoding.UTF8.GetBytes(text, room));
        batch.Add(2, 0, new Epoch(1), new Lsn(2), default, "next"u8);

        Assert.True(WalRecordCodec.TryDecode(batch.Bytes, out var first, out var size, out _));
        Assert.True(WalRecordCodec.TryDecode(batch.Bytes[size..], out var second, out _, out _));
        Assert.Equal(("hello", "next"), (Encoding.UTF8.GetString(first.Payload.Span), Encoding.UTF8.GetString(second.Payload.Span)));
        Assert.Equal(WalRecordCodec.EncodedBytes(5), size);
    }

    [Fact]
    public void A_batch_takes_dense_positions_growing_epochs_and_bounded_payloads()
    {
        using var batch = new WalBatch();
        Assert.Throws<ArgumentException>(() => batch.Add(1, 0, new Epoch(3), Lsn.Zero, default, []));
        batch.Add(1, 0, new Epoch(3), new Lsn(9), default, []);
        Assert.Throws<ArgumentException>(() => batch.Add(1, 0, new Epoch(3), new Lsn(9), default, []));
        Assert.Throws<ArgumentException>(() => batch.Add(1, 0, new Epoch(3), new Lsn(11), default, []));
        Assert.Throws<ArgumentException>(() => batch.Add(1, 0, new Epoch(2), new Lsn(10), default, []));
        Assert.Throws<ArgumentException>(() => batch.Add(1, 0, new Epoch(3), new Lsn(10), default, new byte[WalRecordCodec.MaxPayloadBytes + 1]));
        batch.Add(1, 0, new Epoch(3), new Lsn(10), default, []);

        Assert.Equal((2, new Lsn(9), new Lsn(10)), (batch.Count, batch.First, batch.Last));
        batch.Clear();
        Assert.True(batch.IsEmpty);
        Assert.True(batch.Bytes.IsEmpty);
        batch.Add(1, 0, new Epoch(1), new Lsn(1), default, []);
    }

    private static WalBatch Encoded(WalRecord record)
    {
        var batch = new WalBatch();
        batch.Add(record.Type, record.Flags, record.Epoch, record.Lsn, record.Timestamp, record.Payload.Span);
        return batch;
    }
}

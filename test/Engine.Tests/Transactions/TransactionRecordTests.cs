using CsCheck;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Payloads of the records of transactions: what is written is read, and nothing else is taken for one.</summary>
public sealed class TransactionRecordTests
{
    private static readonly PreparedTransaction Sample = PreparedTransaction.Of(
        new TransactionWork
        {
            Transaction = new TransactionId(new Timestamp(0x11), 0x22),
            ReadTimestamp = new Timestamp(0x33),
            Deadline = new Timestamp(0x44),
            Generation = 1,
            Writes =
            [
                new KeyWrite("a"u8.ToArray(), WriteKind.Put, "v"u8.ToArray(), "text/plain", default, TimeSpan.FromSeconds(1)),
                new KeyWrite("b"u8.ToArray(), WriteKind.Delete, default, "", default, null),
            ],
            ReadKeys = ["c"u8.ToArray()],
            ReadIntervals = [new RoutingInterval([0xD], null), new RoutingInterval([], [0xE])],
            Idempotency = new IdempotencyStamp("k", 0x55, new byte[] { 0x66 }),
        },
        [new RangeId(7)],
        new Timestamp(0x77),
        existed: true);

    [Fact]
    public void The_bytes_of_a_prepare_record_are_pinned() => Assert.Equal(
        "0000000000000011" + "0000000000000022" + "3300000000000000" + "4400000000000000" + "03" + "0100" + "0700000000000000" +
        "01" + "6B" + "55000000000000000000000000000000" + "01000000" + "66" +
        "0200" + "02" + "0100" + "61" + "E803000000000000" + "02000000" + "0376" + "01" + "0100" + "62" +
        "0100" + "0100" + "63" +
        "0200" + "0100" + "0D" + "00" + "0000" + "01" + "0100" + "0E",
        Convert.ToHexString(Records.Encode(Sample)));

    [Fact]
    public void The_bytes_of_resolve_and_commit_records_are_pinned()
    {
        Assert.Equal(
            "0200" + "0000000000000011" + "0000000000000022" + "3300000000000000" + "0000000000000044" + "0000000000000055" + "0000000000000000",
            Convert.ToHexString(Records.Bytes(output => ResolveCodec.Encode(
                [new(new(new(0x11), 0x22), new(0x33)), new(new(new(0x44), 0x55), Timestamp.Zero)], output))));
        Assert.Equal(
            "07" + "0000000000000011" + "0000000000000022" + "3300000000000000" + "01" + "6B" + "55000000000000000000000000000000" + "00000000" +
            "0100" + "01" + "0100" + "62",
            Convert.ToHexString(Records.Bytes(output => CommitCodec.Encode(
                new(new(new(0x11), 0x22), new(0x33), new("k", 0x55, default), Existed: true),
                [new KeyWrite("b"u8.ToArray(), WriteKind.Delete, default, "", default, null)],
                new(0x99),
                output))));
        Assert.Equal(
            "09" + "0000000000000011" + "0000000000000022" + "3300000000000000" + "0200" + "0700000000000000" + "0800000000000000" +
            "0100" + "01" + "0100" + "62",
            Convert.ToHexString(Records.Bytes(output => CommitCodec.Encode(
                new(new(new(0x11), 0x22), new(0x33), null, Existed: false, new RangeId(7), new RangeId(8)),
                [new KeyWrite("b"u8.ToArray(), WriteKind.Delete, default, "", default, null)],
                new(0x99),
                output))));
    }

    [Fact]
    public void A_prepare_record_is_read_as_it_was_written() => Records.Prepared.Sample(written =>
    {
        var read = PrepareCodec.Decode(Records.Encode(written), written.Prepared);

        Assert.Equal((written.Id, written.Prepared, written.ReadTimestamp, written.Deadline, written.Existed), (read.Id, read.Prepared, read.ReadTimestamp, read.Deadline, read.Existed));
        Assert.Equal(written.Participants, read.Participants);
        Assert.Equal(Records.Describe(written.Idempotency), Records.Describe(read.Idempotency));
        Assert.Equal(Records.Encode(written), Records.Encode(read));
    });

    [Fact]
    public void A_resolve_record_is_read_as_it_was_written() =>
        Gen.Select(Records.Ids, Records.Timestamps, (id, commit) => new Resolution(id, commit)).Array[0, 9].Sample(written =>
            Assert.Equal(written, ResolveCodec.Decode(Records.Bytes(output => ResolveCodec.Encode(written, output)))));

    [Fact]
    public void A_commit_record_is_read_as_it_was_written() =>
        Gen.Select(Gen.Select(Records.Ids, Gen.Bool, Gen.Long.Array[0, 4]), Records.Timestamps, Records.Stamps, Gen.Bool, Records.Writes).Sample((who, deadline, stamp, existed, writes) =>
        {
            var (id, hasId, others) = who;
            var head = new CommitCodec.Head(hasId ? id : TransactionId.None, hasId ? deadline : default, stamp, existed, hasId ? [.. others.Select(other => new RangeId(other))] : []);
            var payload = Records.Bytes(output => CommitCodec.Encode(head, writes, new Timestamp(1 << 20), output));
            var (read, entries) = CommitCodec.Decode(payload);
            Assert.Equal((head.Transaction, head.Deadline, head.Existed), (read.Transaction, read.Deadline, read.Existed));
            Assert.Equal(head.Others, read.Others);
            Assert.Equal(Records.Describe(stamp), Records.Describe(read.Stamp));
            Assert.Equal(writes.Select(write => Convert.ToHexString(write.Key.Span)), entries.Select(entry => Convert.ToHexString(entry.Key.Span)));
        });

    [Fact]
    public void A_record_that_is_cut_short_or_too_long_is_refused() => Records.Prepared.Sample(written =>
    {
        var payload = Records.Encode(written);
        for (var length = 0; length < payload.Length; length++)
            Assert.Throws<InvalidDataException>(() => PrepareCodec.Decode(payload.AsMemory(0, length), written.Prepared));
        Assert.Throws<InvalidDataException>(() => PrepareCodec.Decode((byte[])[.. payload, 0], written.Prepared));
    }, iter: 200);

    [Fact]
    public void Hostile_bytes_are_refused_or_read_and_do_no_other_harm() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, 2]).Sample((bytes, kind) =>
        {
            try
            {
                _ = kind switch
                {
                    0 => (object)PrepareCodec.Decode(bytes, new Timestamp(1)),
                    1 => ResolveCodec.Decode(bytes),
                    _ => CommitCodec.Decode(bytes).Writes.ToList(),
                };
            }
            catch (InvalidDataException)
            {
                // That is what it is for.
            }
        }, iter: 20_000);

    [Fact]
    public void A_damaged_prepare_record_is_refused_or_read_and_does_no_other_harm()
    {
        var payload = Records.Encode(Sample);
        Gen.Select(Gen.Int[0, payload.Length - 1], Gen.Byte, Gen.Int[0, payload.Length - 1], Gen.Byte).Sample((first, firstValue, second, secondValue) =>
        {
            var damaged = payload.ToArray();
            damaged[first] = firstValue;
            damaged[second] = secondValue;
            try
            {
                PrepareCodec.Decode(damaged, Sample.Prepared);
            }
            catch (InvalidDataException)
            {
                // That is what it is for.
            }
        }, iter: 20_000);
    }

    [Fact]
    public void An_origin_goes_before_a_stored_value_and_is_told_from_it()
    {
        var id = new TransactionId(new Timestamp(5), 6);
        Span<byte> stored = stackalloc byte[StoredValue.MaxOriginBytes + 3];
        foreach (var origin in (VersionOrigin[])[new(id, new Timestamp(7)), new(id, Timestamp.Zero)])
        {
            var at = StoredValue.WriteOrigin(origin, stored);
            at += StoredValue.WriteHeader("text/plain", stored[at..]);
            stored[at++] = (byte)'x';
            var whole = stored[..at].ToArray();

            Assert.Equal(origin, StoredValue.ReadOrigin(whole));
            var (contentType, value) = StoredValue.Read(whole);
            Assert.Equal(("text/plain", "x"), (contentType, System.Text.Encoding.UTF8.GetString(value.Span)));
            Assert.Throws<InvalidDataException>(() => StoredValue.ReadOrigin(whole.AsSpan(0, 10)));
        }

        Assert.Null(StoredValue.ReadOrigin([3, (byte)'x']));
        Assert.Null(StoredValue.ReadOrigin([]));
    }
}

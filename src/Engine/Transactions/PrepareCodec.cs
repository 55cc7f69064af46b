using System.Buffers;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Payload of a <see cref="RangeRecordType.Prepare"/> record, little-endian but for the id; the prepare timestamp is the record's.
/// <code>
/// 16  transaction (big-endian)
/// u64 read timestamp | u64 deadline
/// u8  flags            1 idempotency stamp, 2 the first key had a live version
/// u16 participants, each: i64 range; the first is the anchor
/// ... stamp            only with flag 1: <see cref="StampCodec"/>
/// u16 writes, each:    u8 flags: 1 tombstone, 2 time to live
///                      u16 key length, key
///                      u64 time to live in milliseconds   only with flag 2
///                      u32 stored length, stored bytes    absent for a tombstone
/// u16 read keys, each: u16 length, key
/// u16 intervals, each: u16 length, start | u8 1 with an end, 0 without | u16 length, end
/// </code>
/// </summary>
internal static class PrepareCodec
{
    private const byte Stamped = 1;
    private const byte Existed = 2;
    private const byte Tombstone = 1;
    private const byte Lives = 2;

    public static void Encode(PreparedTransaction transaction, IBufferWriter<byte> buffer)
    {
        var output = new PayloadWriter(buffer);
        output.Transaction(transaction.Id);
        output.Timestamp(transaction.ReadTimestamp);
        output.Timestamp(transaction.Deadline);
        output.Byte((byte)((transaction.Idempotency is null ? 0 : Stamped) | (transaction.Existed ? Existed : 0)));
        output.UInt16(transaction.Participants.Length);
        foreach (var participant in transaction.Participants)
            output.Int64(participant.Value);
        if (transaction.Idempotency is { } stamp)
            StampCodec.Write(stamp, output);
        output.UInt16(transaction.Writes.Length);
        foreach (var write in transaction.Writes)
            WriteOne(write, output);
        output.UInt16(transaction.ReadKeys.Length);
        foreach (var key in transaction.ReadKeys)
            WriteKey(key.Span, output);
        output.UInt16(transaction.ReadIntervals.Length);
        foreach (var interval in transaction.ReadIntervals)
        {
            WriteKey(interval.Start, output);
            output.Byte((byte)(interval.End is null ? 0 : 1));
            if (interval.End is { } end)
                WriteKey(end, output);
        }
    }

    /// <summary>Reads a payload back; memory is the payload's.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static PreparedTransaction Decode(ReadOnlyMemory<byte> payload, Timestamp prepared)
    {
        var input = new PayloadReader(payload, "a prepare record");
        var id = input.Transaction();
        var readTimestamp = input.Timestamp();
        var deadline = input.Timestamp();
        var flags = input.Flags(Stamped | Existed);
        var participants = Many(input, reader => new RangeId(reader.Int64()));
        var stamp = (flags & Stamped) != 0 ? StampCodec.Read(input) : null;
        var writes = Many(input, ReadOne);
        var readKeys = Many(input, ReadKey);
        var intervals = Many(input, ReadInterval);
        input.End();
        return new(id, prepared, readTimestamp, deadline, participants, writes, readKeys, intervals, stamp, (flags & Existed) != 0);
    }

    private static void WriteOne(PreparedWrite write, PayloadWriter output)
    {
        output.Byte((byte)((write.IsTombstone ? Tombstone : 0) | (write.LifeMilliseconds == 0 ? 0 : Lives)));
        WriteKey(write.Key.Span, output);
        if (write.LifeMilliseconds != 0)
            output.Int64(write.LifeMilliseconds);
        if (write.IsTombstone)
            return;
        output.Int32(write.Stored.Length);
        output.Bytes(write.Stored.Span);
    }

    private static PreparedWrite ReadOne(PayloadReader input)
    {
        var flags = input.Flags(Tombstone | Lives);
        var key = ReadKey(input);
        var life = (flags & Lives) != 0 ? input.Int64() : 0;
        var tombstone = (flags & Tombstone) != 0;
        if (life < 0 || (tombstone && life != 0))
            throw new InvalidDataException($"a prepare record has a time to live of {life} ms");
        return new(key, tombstone, life, tombstone ? default : input.Bytes(input.Int32()));
    }

    private static RoutingInterval ReadInterval(PayloadReader input) =>
        new(ReadKey(input).ToArray(), input.Flags(1) == 1 ? ReadKey(input).ToArray() : null);

    private static void WriteKey(ReadOnlySpan<byte> key, PayloadWriter output)
    {
        output.UInt16(key.Length);
        output.Bytes(key);
    }

    private static ReadOnlyMemory<byte> ReadKey(PayloadReader input)
    {
        var length = input.UInt16();
        return length <= MvccLimits.MaxKeyBytes ? input.Bytes(length) : throw new InvalidDataException($"a prepare record has a key of {length} bytes");
    }

    private static T[] Many<T>(PayloadReader input, Func<PayloadReader, T> read)
    {
        var items = new T[input.UInt16()];
        for (var i = 0; i < items.Length; i++)
            items[i] = read(input);
        return items;
    }
}

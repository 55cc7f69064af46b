using System.Buffers;
using System.Text;
using CsCheck;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Random contents of records.</summary>
internal static class Records
{
    public static readonly Gen<Timestamp> Timestamps = Gen.ULong[1, ulong.MaxValue - 1].Select(value => new Timestamp(value));

    public static readonly Gen<TransactionId> Ids = Gen.Select(Timestamps, Gen.ULong, (began, nonce) => new TransactionId(began, nonce));

    public static readonly Gen<ReadOnlyMemory<byte>> Keys = Gen.Byte.Array[1, 12].Select(bytes => (ReadOnlyMemory<byte>)bytes);

    public static readonly Gen<IdempotencyStamp?> Stamps = Gen.Bool.SelectMany(some => some
        ? Gen.Select(Gen.Char[' ', '~'].Array[1, 20], Gen.ULong, Gen.Byte.Array[0, 40], (key, hash, answer) => (IdempotencyStamp?)new IdempotencyStamp(new string(key), hash, answer))
        : Gen.Const((IdempotencyStamp?)null));

    public static readonly Gen<KeyWrite[]> Writes =
        Gen.Select(Keys, Gen.Bool, Gen.Byte.Array[0, 30], Gen.Int[0, 2].Select(type => type switch { 0 => "", 1 => "text/plain", _ => "application/x-own" }), Gen.Int[0, 2], (key, delete, value, type, life) => delete
            ? new KeyWrite(key, WriteKind.Delete, default, "", default, null)
            : new KeyWrite(key, WriteKind.Put, value, type, default, life == 0 ? null : TimeSpan.FromSeconds(life)))
        .Array[0, 5].Select(writes => writes.DistinctBy(write => Convert.ToHexString(write.Key.Span)).ToArray());

    public static readonly Gen<RoutingInterval> Intervals =
        Gen.Select(Gen.Byte.Array[0, 8], Gen.Bool, Gen.Byte.Array[0, 8], (start, hasEnd, end) => new RoutingInterval(start, hasEnd ? end : null));

    public static readonly Gen<PreparedTransaction> Prepared = Gen.Select(
        Gen.Select(Ids, Timestamps, Timestamps, Timestamps),
        Gen.Long.Array[0, 4],
        Writes,
        Keys.Array[0, 4],
        Intervals.Array[0, 4],
        Stamps,
        Gen.Bool,
        (times, participants, writes, keys, intervals, stamp, existed) => PreparedTransaction.Of(
            new TransactionWork
            {
                Transaction = times.Item1,
                ReadTimestamp = times.Item3,
                Deadline = times.Item4,
                Generation = 1,
                Writes = writes,
                ReadKeys = keys,
                ReadIntervals = intervals,
                Idempotency = stamp,
            },
            [.. participants.Select(id => new RangeId(id))],
            times.Item2,
            existed));

    public static byte[] Encode(PreparedTransaction transaction) => Bytes(output => PrepareCodec.Encode(transaction, output));

    public static byte[] Bytes(Action<ArrayBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Everything that a stamp says, to be compared.</summary>
    public static string Describe(IdempotencyStamp? stamp) =>
        stamp is null ? "-" : $"{stamp.Key} {stamp.RequestHash} {Convert.ToHexString(stamp.Answer.Span)}";

    public static ReadOnlyMemory<byte> Key(string key) => Encoding.UTF8.GetBytes(key);
}

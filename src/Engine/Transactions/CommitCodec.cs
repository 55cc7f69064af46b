using System.Buffers;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Payload of a <see cref="RangeRecordType.Commit"/> record: writes of one commit that are remembered by their transaction, by an idempotency
/// key, or both. The commit timestamp is the record's.
/// <code>
/// u8  flags           1 transaction, 2 idempotency stamp, 4 the first key had a live version, 8 other participants
/// 16  transaction     only with flag 1 (big-endian)
/// u64 deadline        only with flag 1: of the transaction
/// u16 participants, each: i64 range   only with flag 8, which comes with flag 1: the others, which stand prepared, and for which this record is the decision
/// ... stamp           only with flag 2: <see cref="StampCodec"/>
/// ... writes          as in <see cref="RangeWriteCodec"/>
/// </code>
/// </summary>
internal static class CommitCodec
{
    private const byte HasTransaction = 1;
    private const byte HasStamp = 2;
    private const byte HasExisted = 4;
    private const byte HasOthers = 8;

    /// <summary>What a commit is remembered by.</summary>
    /// <param name="Transaction">None: not by one.</param>
    /// <param name="Deadline">Of the transaction.</param>
    /// <param name="Stamp">Null: not by one.</param>
    /// <param name="Existed">Whether the first key had a live version before.</param>
    /// <param name="Others">The other participants of the transaction.</param>
    internal readonly record struct Head(TransactionId Transaction, Timestamp Deadline, IdempotencyStamp? Stamp, bool Existed, params RangeId[] Others);

    public static void Encode(Head head, ReadOnlySpan<KeyWrite> writes, Timestamp commit, IBufferWriter<byte> buffer)
    {
        var output = new PayloadWriter(buffer);
        output.Byte((byte)((head.Transaction.IsNone ? 0 : HasTransaction) | (head.Stamp is null ? 0 : HasStamp) | (head.Existed ? HasExisted : 0) | (head.Others.Length == 0 ? 0 : HasOthers)));
        if (!head.Transaction.IsNone)
        {
            output.Transaction(head.Transaction);
            output.Timestamp(head.Deadline);
        }

        if (head.Others.Length > 0)
        {
            output.UInt16(head.Others.Length);
            foreach (var other in head.Others)
                output.Int64(other.Value);
        }

        if (head.Stamp is not null)
            StampCodec.Write(head.Stamp, output);
        RangeWriteCodec.Encode(writes, commit, buffer);
    }

    /// <exception cref="InvalidDataException">It is no such payload; the writes are looked at when they are enumerated.</exception>
    public static (Head Head, IEnumerable<RangeWriteCodec.Entry> Writes) Decode(ReadOnlyMemory<byte> payload)
    {
        var input = new PayloadReader(payload, "a commit record");
        var flags = input.Flags(HasTransaction | HasStamp | HasExisted | HasOthers);
        if ((flags & HasOthers) != 0 && (flags & HasTransaction) == 0)
            throw new InvalidDataException("a commit record has other participants, and no transaction");
        var (id, deadline) = (flags & HasTransaction) != 0 ? (input.Transaction(), input.Timestamp()) : default;
        var others = new RangeId[(flags & HasOthers) != 0 ? input.UInt16() : 0];
        for (var i = 0; i < others.Length; i++)
            others[i] = new RangeId(input.Int64());
        var stamp = (flags & HasStamp) != 0 ? StampCodec.Read(input) : null;
        return (new(id, deadline, stamp, (flags & HasExisted) != 0, others), RangeWriteCodec.Decode(input));
    }
}

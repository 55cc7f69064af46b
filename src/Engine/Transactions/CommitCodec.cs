using System.Buffers;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Payload of a <see cref="RangeRecordType.Commit"/> record: writes of one commit that are remembered by their transaction, by an idempotency
/// key, or both. The commit timestamp is the record's.
/// <code>
/// u8  flags           1 transaction, 2 idempotency stamp, 4 the first key had a live version
/// 16  transaction     only with flag 1 (big-endian)
/// u64 deadline        only with flag 1: of the transaction
/// ... stamp           only with flag 2: <see cref="StampCodec"/>
/// ... writes          as in <see cref="RangeWriteCodec"/>
/// </code>
/// </summary>
internal static class CommitCodec
{
    private const byte HasTransaction = 1;
    private const byte HasStamp = 2;
    private const byte HasExisted = 4;

    /// <summary>What a commit is remembered by.</summary>
    /// <param name="Transaction">None: not by one.</param>
    /// <param name="Deadline">Of the transaction.</param>
    /// <param name="Stamp">Null: not by one.</param>
    /// <param name="Existed">Whether the first key had a live version before.</param>
    internal readonly record struct Head(TransactionId Transaction, Timestamp Deadline, IdempotencyStamp? Stamp, bool Existed);

    public static void Encode(Head head, ReadOnlySpan<KeyWrite> writes, Timestamp commit, IBufferWriter<byte> buffer)
    {
        var output = new PayloadWriter(buffer);
        output.Byte((byte)((head.Transaction.IsNone ? 0 : HasTransaction) | (head.Stamp is null ? 0 : HasStamp) | (head.Existed ? HasExisted : 0)));
        if (!head.Transaction.IsNone)
        {
            output.Transaction(head.Transaction);
            output.Timestamp(head.Deadline);
        }

        if (head.Stamp is not null)
            StampCodec.Write(head.Stamp, output);
        RangeWriteCodec.Encode(writes, commit, buffer);
    }

    /// <exception cref="InvalidDataException">It is no such payload; the writes are looked at when they are enumerated.</exception>
    public static (Head Head, IEnumerable<RangeWriteCodec.Entry> Writes) Decode(ReadOnlyMemory<byte> payload)
    {
        var input = new PayloadReader(payload, "a commit record");
        var flags = input.Flags(HasTransaction | HasStamp | HasExisted);
        var (id, deadline) = (flags & HasTransaction) != 0 ? (input.Transaction(), input.Timestamp()) : default;
        var stamp = (flags & HasStamp) != 0 ? StampCodec.Read(input) : null;
        return (new(id, deadline, stamp, (flags & HasExisted) != 0), RangeWriteCodec.Decode(input));
    }
}

using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// The <see cref="TransactionState"/> at one moment, and its blocks in a checkpoint, behind those of the versions. Version 1, little-endian but for ids:
/// <code>
/// u8  129: a block of transactions, version 1 (blocks of versions begin with their own, smaller version)
/// u8  section
/// u32 entries
/// section 1, prepared, oldest first:      u64 prepare timestamp | u32 length, payload of the prepare record
/// section 2, decisions remembered,
/// section 3, commits decided here, oldest first: 16 transaction | u64 commit timestamp, 0: aborted | u64 remembered until
/// section 4, results by idempotency key, oldest first: u64 commit timestamp | u8 1 existed | u64 stored at | stamp (<see cref="StampCodec"/>)
/// section 5, commits decided here that are not settled, oldest first: 16 transaction | u64 commit timestamp | u16 others, each: i64 range
/// section 6, decisions forgotten for lack of room: u64 latest beginning of their transactions
/// section 7, closed: u8 1
/// </code>
/// A section may fill several blocks; sections come in order; empty ones are left out.
/// </summary>
internal sealed class TransactionStateCapture(
    IReadOnlyCollection<PreparedTransaction> prepared,
    IReadOnlyCollection<OutcomeMemory.Entry> decisions,
    IReadOnlyCollection<OutcomeMemory.Entry> commits,
    IReadOnlyCollection<IdempotencyMemory.Entry> idempotency,
    IReadOnlyCollection<UnsettledCommit> unsettled,
    Timestamp forgottenUpTo,
    bool isClosed)
{
    private const byte BlockVersion = 129;
    private const byte PreparedSection = 1;
    private const byte DecisionSection = 2;
    private const byte CommitSection = 3;
    private const byte IdempotencySection = 4;
    private const byte UnsettledSection = 5;
    private const byte ForgottenSection = 6;
    private const byte ClosedSection = 7;
    private const int HeaderBytes = 6;

    /// <summary>Whether a block of a checkpoint is one of these.</summary>
    public static bool IsBlock(ReadOnlySpan<byte> block) => !block.IsEmpty && block[0] >= 128;

    /// <summary>The blocks, made one by one as they are asked for.</summary>
    /// <param name="maxBytes">A block ends with the first entry that reaches it.</param>
    public IEnumerable<byte[]> Blocks(int maxBytes) =>
        Blocks(PreparedSection, prepared, WritePrepared, maxBytes)
            .Concat(Blocks(DecisionSection, decisions, WriteOutcome, maxBytes))
            .Concat(Blocks(CommitSection, commits, WriteOutcome, maxBytes))
            .Concat(Blocks(IdempotencySection, idempotency, WriteResult, maxBytes))
            .Concat(Blocks(UnsettledSection, unsettled, WriteUnsettled, maxBytes))
            .Concat(Blocks(ForgottenSection, forgottenUpTo.IsZero ? Array.Empty<Timestamp>() : [forgottenUpTo], static (upTo, block) => new PayloadWriter(block).Timestamp(upTo), maxBytes))
            .Concat(Blocks(ClosedSection, isClosed ? [true] : Array.Empty<bool>(), static (_, block) => new PayloadWriter(block).Byte(1), maxBytes));

    /// <summary>Adds what a block holds to a new state. Blocks come in the order in which they were written.</summary>
    /// <exception cref="InvalidDataException">It is malformed.</exception>
    public static void Load(ReadOnlySpan<byte> block, TransactionState into)
    {
        var input = new PayloadReader(block.ToArray(), "a block of transactions");
        if (input.Byte() is var version and not BlockVersion)
            throw new InvalidDataException($"a block of transactions has version {version - 128}; this program reads 1");
        var section = input.Byte();
        for (var left = input.Int32(); left > 0; left--)
        {
            switch (section)
            {
                case PreparedSection:
                    var at = input.Timestamp();
                    into.Prepared.Add(PrepareCodec.Decode(input.Bytes(input.Int32()), at));
                    break;
                case DecisionSection:
                    into.Decisions.Add(new(input.Transaction(), input.Timestamp(), input.Timestamp()));
                    break;
                case CommitSection:
                    into.Commits.Add(new(input.Transaction(), input.Timestamp(), input.Timestamp()));
                    break;
                case IdempotencySection:
                    var (commit, existed, stored) = (input.Timestamp(), input.Flags(1) == 1, input.Timestamp());
                    var stamp = StampCodec.Read(input);
                    into.Idempotency.Add(new(stamp with { Answer = stamp.Answer.ToArray() }, commit, existed, stored));
                    break;
                case UnsettledSection:
                    into.Unsettled.Add(new(input.Transaction(), input.Timestamp(), ReadRanges(input)));
                    break;
                case ForgottenSection:
                    into.Decisions.ForgottenUpTo = input.Timestamp();
                    break;
                case ClosedSection:
                    into.IsClosed = input.Flags(1) == 1;
                    break;
                default:
                    throw new InvalidDataException($"a block of transactions has an unknown section {section}");
            }
        }

        input.End();
    }

    private static IEnumerable<byte[]> Blocks<T>(byte section, IReadOnlyCollection<T> entries, Action<T, ArrayBufferWriter<byte>> write, int maxBytes)
    {
        var block = new ArrayBufferWriter<byte>();
        var count = 0;
        foreach (var entry in entries)
        {
            if (count == 0)
                block.Write(new byte[HeaderBytes]);
            write(entry, block);
            count++;
            if (block.WrittenCount < maxBytes)
                continue;
            yield return Seal(section, count, block);
            count = 0;
            block.ResetWrittenCount();
        }

        if (count > 0)
            yield return Seal(section, count, block);
    }

    private static byte[] Seal(byte section, int count, ArrayBufferWriter<byte> block)
    {
        var bytes = block.WrittenSpan.ToArray();
        bytes[0] = BlockVersion;
        bytes[1] = section;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(2), count);
        return bytes;
    }

    private static void WritePrepared(PreparedTransaction transaction, ArrayBufferWriter<byte> block)
    {
        var payload = new ArrayBufferWriter<byte>();
        PrepareCodec.Encode(transaction, payload);
        var output = new PayloadWriter(block);
        output.Timestamp(transaction.Prepared);
        output.Int32(payload.WrittenCount);
        output.Bytes(payload.WrittenSpan);
    }

    private static void WriteOutcome(OutcomeMemory.Entry entry, ArrayBufferWriter<byte> block)
    {
        var output = new PayloadWriter(block);
        output.Transaction(entry.Id);
        output.Timestamp(entry.Commit);
        output.Timestamp(entry.Until);
    }

    private static void WriteUnsettled(UnsettledCommit commit, ArrayBufferWriter<byte> block)
    {
        var output = new PayloadWriter(block);
        output.Transaction(commit.Transaction);
        output.Timestamp(commit.Commit);
        output.UInt16(commit.Others.Length);
        foreach (var other in commit.Others)
            output.Int64(other.Value);
    }

    private static RangeId[] ReadRanges(PayloadReader input)
    {
        var ranges = new RangeId[input.UInt16()];
        for (var i = 0; i < ranges.Length; i++)
            ranges[i] = new RangeId(input.Int64());
        return ranges;
    }

    private static void WriteResult(IdempotencyMemory.Entry entry, ArrayBufferWriter<byte> block)
    {
        var output = new PayloadWriter(block);
        output.Timestamp(entry.Version);
        output.Byte((byte)(entry.Existed ? 1 : 0));
        output.Timestamp(entry.StoredAt);
        StampCodec.Write(entry.Stamp, output);
    }
}

using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// What the applied records of a range make: versions, and what transactions need beside them. A deterministic function of the log, but for versions out of a fuzzy checkpoint, to
/// which a record is applied again without effect. The owner synchronizes.
/// </summary>
internal sealed class RangeState
{
    /// <summary>Versions.</summary>
    public MvccStore Store { get; } = new();

    /// <summary>Intents, decisions, results.</summary>
    public TransactionState Transactions { get; } = new();

    /// <summary>Applies one record.</summary>
    /// <returns>Whether a checkpoint has anything new to say afterwards.</returns>
    /// <exception cref="InvalidDataException">The record cannot be understood.</exception>
    public bool Apply(in WalRecord record)
    {
        switch (record.Type)
        {
            case RangeRecordType.LeaderStart or RangeRecordType.Configuration:
                return false;
            case RangeRecordType.Write:
                foreach (var write in RangeWriteCodec.Decode(record.Payload))
                    Store.Apply(write.Key.Span, record.Timestamp, write.IsTombstone, write.ExpiresAt, write.Stored.Span);
                return true;
            case RangeRecordType.GcThreshold:
                Store.SetGcThreshold(new Timestamp(BinaryPrimitives.ReadUInt64LittleEndian(record.Payload.Span)));
                return true;
            case RangeRecordType.Prepare or RangeRecordType.Resolve or RangeRecordType.Commit:
                Transactions.Apply(record.Type, record.Timestamp, record.Payload, Store);
                return true;
            default:
                throw new InvalidDataException($"record {record.Lsn} has unknown type {record.Type}");
        }
    }

    /// <summary>Begins a checkpoint of what is here now. Ends with <see cref="EndCheckpoint"/>, always.</summary>
    public RangeStateCheckpoint BeginCheckpoint() => new(Store.BeginCheckpoint(), Transactions.Capture());

    /// <summary>Ends it, complete or not.</summary>
    public void EndCheckpoint(RangeStateCheckpoint checkpoint) => Store.EndCheckpoint(checkpoint.Versions);

    /// <summary>Writes the blocks of a checkpoint, blocking: versions in slices, while work goes on between them, then transactions as they were at its beginning.</summary>
    /// <param name="checkpoint">What was begun.</param>
    /// <param name="into">The file.</param>
    /// <param name="maxBlockBytes">Bytes after which a block ends.</param>
    /// <param name="gate">Guards the versions.</param>
    /// <param name="cancellationToken">Looked at between blocks.</param>
    public void WriteBlocks(RangeStateCheckpoint checkpoint, CheckpointWriter into, int maxBlockBytes, Lock gate, CancellationToken cancellationToken)
    {
        var block = new ArrayBufferWriter<byte>(maxBlockBytes);
        bool more;
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            block.ResetWrittenCount();
            lock (gate)
                more = Store.WriteSlice(checkpoint.Versions, block, maxBlockBytes);
            into.WriteBlock(block.WrittenSpan);
        }
        while (more);
        foreach (var transactionBlock in checkpoint.Transactions.Blocks(maxBlockBytes))
        {
            cancellationToken.ThrowIfCancellationRequested();
            into.WriteBlock(transactionBlock);
        }
    }

    /// <summary>What a checkpoint holds; nothing for none.</summary>
    /// <exception cref="WalCorruptionException">It is damaged.</exception>
    /// <exception cref="InvalidDataException">It cannot be understood.</exception>
    public static RangeState Read(CheckpointReader? checkpoint)
    {
        var state = new RangeState();
        foreach (var block in checkpoint?.ReadBlocks() ?? [])
        {
            if (TransactionStateCapture.IsBlock(block.Span))
                TransactionStateCapture.Load(block.Span, state.Transactions);
            else
                state.Store.LoadBlock(block.Span);
        }

        return state;
    }
}

/// <summary>A checkpoint of a <see cref="RangeState"/> that was begun.</summary>
/// <param name="Versions">Where the versions stand.</param>
/// <param name="Transactions">Everything else, as it was.</param>
internal readonly record struct RangeStateCheckpoint(MvccCheckpointCursor Versions, TransactionStateCapture Transactions);

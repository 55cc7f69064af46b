using System.Buffers.Binary;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Reads a whole segment and says how far it is sound and what stands behind that: the pure part of recovery, also used by the
/// offline tools. It decides nothing; whether damage is a torn tail or corruption depends on the segment's place
/// in the log (<see cref="LogRecovery"/>).
/// </summary>
internal sealed class SegmentScan
{
    private SegmentScan(SegmentHeader header)
    {
        Header = header;
        LastLsn = new(header.FirstLsn.Value - 1);
        LastEpoch = header.PreviousEpoch;
        LargestTimestamp = header.PreviousTimestamp;
        Index = new();
    }

    public SegmentHeader Header { get; }

    /// <summary>Offset after the last sound frame.</summary>
    public int End { get; private set; } = SegmentHeader.Bytes;

    /// <summary>Offset of the last sound frame; <see cref="End"/> when there is none.</summary>
    public int LastFrame { get; private set; } = SegmentHeader.Bytes;

    public Lsn LastLsn { get; private set; }

    public Epoch LastEpoch { get; private set; }

    /// <summary>The largest of all records up to <see cref="LastLsn"/>, those of earlier segments included.</summary>
    public Timestamp LargestTimestamp { get; private set; }

    public long Records { get; private set; }

    public long Batches { get; private set; }

    /// <summary>The last sound frame is a seal: a following segment must exist.</summary>
    public bool Sealed { get; private set; }

    /// <summary>The last sound frame is a close mark.</summary>
    public bool Closed { get; private set; }

    /// <summary>Positions inside the segment for readers.</summary>
    public SegmentIndex Index { get; }

    /// <summary>Where reading stopped because of damage; null when it stopped at zeros or the end of the file.</summary>
    public int? ProblemOffset { get; private set; }

    /// <summary>What the damage is; empty when there is none.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Offset after the last byte that is not zero; at least <see cref="End"/>.</summary>
    public int DataEnd { get; private set; }

    /// <summary>The damage itself cannot come from a crash: a sound frame that is out of order or reaches beyond the file.</summary>
    public bool Conclusive { get; private set; }

    /// <summary>A sound frame of later records behind <see cref="End"/>: proof of corruption.</summary>
    public int? LaterFrame { get; private set; }

    /// <summary>Bytes behind <see cref="End"/> that are no log and not zero.</summary>
    public int TailBytes => DataEnd - End;

    public static SegmentScan Run(ReadOnlyMemory<byte> bytes, SegmentHeader header)
    {
        var scan = new SegmentScan(header);
        var searchFrom = scan.ReadFrames(bytes.Span, header.Salt());
        scan.DataEnd = Math.Max(scan.End, bytes.Span.LastIndexOfAnyExcept((byte)0) + 1);
        if (!scan.Sealed) scan.LaterFrame = FindFrame(bytes.Span, searchFrom, scan.DataEnd, header.Salt(), scan.LastLsn.Next);
        return scan;
    }

    /// <summary>Reads frames until something is no frame, and returns where the search for later ones has to begin.</summary>
    private int ReadFrames(ReadOnlySpan<byte> bytes, ulong salt)
    {
        while (!Sealed)
        {
            var rest = bytes[End..];
            if (rest.Length < BatchFrame.Bytes || !rest[..BatchFrame.Bytes].ContainsAnyExcept((byte)0)) break;
            if (!BatchFrame.TryDecode(rest, salt, out var frame)) return Damaged(End, "batch header is damaged", End + WalRecordCodec.Alignment);
            Conclusive = frame.FirstLsn != LastLsn.Next || frame.RecordBytes > rest.Length - BatchFrame.Bytes;
            if (frame.FirstLsn != LastLsn.Next) return Damaged(End, $"batch begins at LSN {frame.FirstLsn} where {LastLsn.Next} is due", End);
            if (Conclusive) return Damaged(End, "batch is longer than the segment", End);
            var batchEnd = End + BatchFrame.Bytes + frame.RecordBytes;
            if (!ReadRecords(bytes[..batchEnd], frame)) return batchEnd;
            Index.Add(frame.FirstLsn, End);
            LastFrame = End;
            End = batchEnd;
            Sealed = frame.Kind == BatchFrameKind.Seal;
            Closed = frame.Kind == BatchFrameKind.Close;
        }

        return End;
    }

    /// <summary>A batch counts as a whole or not at all: it was acknowledged only as a whole.</summary>
    private bool ReadRecords(ReadOnlySpan<byte> bytes, BatchFrame frame)
    {
        var offset = End + BatchFrame.Bytes;
        var (lsn, epoch, timestamp) = (LastLsn, LastEpoch, LargestTimestamp);
        for (var i = 0; i < frame.Records; i++)
        {
            var record = bytes[offset..];
            if (!WalRecordCodec.TryVerify(record, out var size, out var problem)) return Bad(offset, problem);
            if (WalRecordCodec.LsnOf(record) != lsn.Next) return Bad(offset, $"record has LSN {WalRecordCodec.LsnOf(record)} where {lsn.Next} is due");
            if (WalRecordCodec.EpochOf(record) < epoch) return Bad(offset, $"record has epoch {WalRecordCodec.EpochOf(record)} below {epoch}");
            lsn = lsn.Next;
            epoch = WalRecordCodec.EpochOf(record);
            timestamp = Timestamp.Later(timestamp, WalRecordCodec.TimestampOf(record));
            offset += size;
        }

        if (offset != bytes.Length) return Bad(offset, "records end before their batch");
        (LastLsn, LastEpoch, LargestTimestamp) = (lsn, epoch, timestamp);
        Records += frame.Records;
        if (frame.Kind == BatchFrameKind.Batch) Batches++;
        return true;
    }

    private bool Bad(int offset, string problem)
    {
        (ProblemOffset, Problem) = (offset, problem);
        return false;
    }

    private int Damaged(int offset, string problem, int searchFrom)
    {
        (ProblemOffset, Problem) = (offset, problem);
        return searchFrom;
    }

    private static int? FindFrame(ReadOnlySpan<byte> bytes, int from, int dataEnd, ulong salt, Lsn atLeast)
    {
        var end = Math.Min(dataEnd, bytes.Length - BatchFrame.Bytes + 1);
        for (var offset = from; offset < end; offset += WalRecordCodec.Alignment)
        {
            // The checksum is worth computing only where a marker stands.
            if ((BatchFrameKind)BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..])
                is not (BatchFrameKind.Batch or BatchFrameKind.Close or BatchFrameKind.Seal)) continue;
            if (BatchFrame.TryDecode(bytes[offset..], salt, out var frame) && frame.FirstLsn >= atLeast) return offset;
        }

        return null;
    }
}

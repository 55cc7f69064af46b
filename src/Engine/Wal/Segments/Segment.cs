using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>What the log knows of one of its segment files. Guarded by the log's gate.</summary>
internal sealed class Segment
{
    /// <summary>Room that appends leave for the marks that may still follow: one Close and one Seal.</summary>
    public const int MarkBytes = 2 * BatchFrame.Bytes;

    public Segment(string path, SegmentHeader header, long capacity)
    {
        Path = path;
        Header = header;
        Salt = header.Salt();
        Capacity = capacity;
        LastLsn = new(header.FirstLsn.Value - 1);
        Index = new();
    }

    public Segment(string path, SegmentScan scan, long capacity)
        : this(path, scan.Header, capacity)
    {
        End = scan.End;
        LastLsn = scan.LastLsn;
        Index = scan.Index;
    }

    public string Path { get; }

    public SegmentHeader Header { get; }

    public ulong Salt { get; }

    /// <summary>Allocated bytes of the file.</summary>
    public long Capacity { get; }

    /// <summary>Offset after the last frame; what lies behind is zero.</summary>
    public long End { get; private set; } = SegmentHeader.Bytes;

    /// <summary>The last record; the one before the segment when it is empty.</summary>
    public Lsn LastLsn { get; private set; }

    public SegmentIndex Index { get; }

    /// <summary>Bytes of an append, header included, that still fit.</summary>
    public bool Fits(long framedBytes) => End + framedBytes + MarkBytes <= Capacity;

    public void Extend(Lsn first, Lsn last, long framedBytes)
    {
        Index.Add(first, End);
        End += framedBytes;
        LastLsn = last;
    }

    public void ExtendByMark() => End += BatchFrame.Bytes;
}

using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Sparse positions of frames inside one segment, so that a follower's catch-up need not read a segment from its start:
/// one entry every <see cref="SpacingBytes"/>. Not thread-safe; the log guards it.
/// </summary>
internal sealed class SegmentIndex
{
    public const int SpacingBytes = 128 << 10;

    private readonly List<(Lsn First, long Offset)> _entries = [];

    public void Add(Lsn firstLsn, long offset)
    {
        if (_entries.Count == 0 || offset - _entries[^1].Offset >= SpacingBytes) _entries.Add((firstLsn, offset));
    }

    /// <summary>Offset of a frame at or before the one that holds <paramref name="lsn"/>.</summary>
    public long OffsetAtOrBefore(Lsn lsn)
    {
        var (low, high) = (0, _entries.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_entries[middle].First <= lsn) low = middle + 1;
            else high = middle;
        }

        return low == 0 ? SegmentHeader.Bytes : _entries[low - 1].Offset;
    }
}

using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Ranges;

/// <summary>One page of a scan while it grows slice by slice: what is left of the interval, and what was found.</summary>
internal sealed class ScanPage
{
    /// <summary>Rows for which there is room from the beginning.</summary>
    private const int UsualRows = 128;

    private readonly KeyspacePartitioning _partitioning;
    private readonly List<MvccRow> _slice = [];
    private int _examined;

    public ScanPage(RangeScan request, RangeDescriptor descriptor, KeyspacePartitioning partitioning)
    {
        Request = request;
        _partitioning = partitioning;
        Start = request.Start.AsSpan().SequenceCompareTo(descriptor.Start) < 0 ? descriptor.Start : request.Start;
        End = request.End;
        if (descriptor.End is { } bound && (End is null || End.AsSpan().SequenceCompareTo(bound) > 0))
            End = bound;
        BytesLeft = request.MaxBytes;
    }

    public RangeScan Request { get; }

    /// <summary>Inclusive.</summary>
    public byte[] Start { get; private set; }

    /// <summary>Exclusive; null for none.</summary>
    public byte[]? End { get; private set; }

    public int BytesLeft { get; private set; }

    public int SliceLimit { get; private set; }

    public List<ScanItem> Items { get; } = [];

    /// <summary>Where the next page begins; null when the interval is exhausted.</summary>
    public byte[]? ResumeKey { get; private set; }

    public List<MvccRow> BeginSlice(int rows)
    {
        _slice.Clear();
        SliceLimit = Request.Filter is null ? Math.Min(rows, Request.Limit - Items.Count) : rows;
        _slice.EnsureCapacity(Math.Min(SliceLimit, UsualRows));
        return _slice;
    }

    /// <summary>Takes the slice's rows in.</summary>
    /// <param name="resumeKey">Where the store stopped; null at the end of the interval.</param>
    /// <param name="examined">Versions that the slice looked at.</param>
    /// <param name="maxExamined">Versions after which the page ends, whatever it found.</param>
    /// <returns>Whether another slice is needed.</returns>
    public bool EndSlice(byte[]? resumeKey, int examined, int maxExamined)
    {
        _examined += examined;
        if (Request.Filter is null)
            Items.EnsureCapacity(Items.Count + _slice.Count);
        foreach (var row in _slice)
        {
            if (Items.Count == Request.Limit || BytesLeft <= 0)
            {
                // The rest of the slice belongs to the next page.
                ResumeKey = Request.Reverse ? KeyAfter(row.Key) : row.Key.ToArray();
                return false;
            }

            if (Passes(row.Key))
                Take(row);
        }

        if (resumeKey is null)
        {
            ResumeKey = null;
            return false;
        }

        ResumeKey = resumeKey;
        if (Request.Reverse)
            End = resumeKey;
        else
            Start = resumeKey;

        return Items.Count < Request.Limit && BytesLeft > 0 && _examined < maxExamined;
    }

    private void Take(MvccRow row)
    {
        var (contentType, value) = Request.KeysOnly ? ("", default) : StoredValue.Read(row.Version.Value);
        Items.Add(new ScanItem(row.Key, row.Version.Timestamp, contentType, value));
        BytesLeft -= row.Key.Length + value.Length;
    }

    private bool Passes(ReadOnlyMemory<byte> routingKey)
    {
        if (Request.Filter is not { } filter)
            return true;
        var key = RoutingKey.ToUserKey(_partitioning, routingKey).Span;
        return key.SequenceCompareTo(filter.Start.Span) >= 0 && (filter.End is not { } end || key.SequenceCompareTo(end.Span) < 0);
    }

    /// <summary>The smallest key above <paramref name="key"/>: as an exclusive end it includes the key itself.</summary>
    private static byte[] KeyAfter(ReadOnlyMemory<byte> key) => [.. key.Span, 0];
}

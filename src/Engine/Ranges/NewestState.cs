using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// A range as a commit at a timestamp finds it: what is applied, and what is proposed before it in the log. The caller holds the replica's gate. Whatever it says of proposals must
/// not be told before those are committed.
/// </summary>
/// <param name="store">What is applied.</param>
/// <param name="overlay">What is proposed.</param>
/// <param name="at">The timestamp.</param>
internal sealed class NewestState(MvccStore store, ProposalOverlay overlay, Timestamp at)
{
    /// <summary>Most versions that the reads of intervals may look at.</summary>
    public const int MaxExamined = 500_000;

    private int _examined;

    public Timestamp At => at;

    /// <summary>Whether an answer rested on a proposal.</summary>
    public bool HasSeenProposals { get; private set; }

    /// <summary>Whether an interval was too long to be read: what was answered of it is not all.</summary>
    public bool IsExhausted => _examined >= MaxExamined;

    /// <summary>The live version of a key; null when there is none.</summary>
    public ScanItem? Find(ReadOnlyMemory<byte> key)
    {
        if (overlay.TryGet(key, out var proposed))
        {
            HasSeenProposals = true;
            return ToItem(proposed);
        }

        if (!store.TryGet(key.Span, at, out var version))
            return null;
        var (contentType, value) = StoredValue.Read(version.Value);
        return new(key, version.Timestamp, contentType, value);
    }

    /// <summary>The first live rows of an interval, ascending.</summary>
    /// <param name="start">Inclusive.</param>
    /// <param name="end">Exclusive; null for none.</param>
    /// <param name="limit">Most rows.</param>
    /// <param name="maxBytes">Rows beyond so many bytes are not looked for: the last one may exceed it.</param>
    public IReadOnlyList<ScanItem> FindIn(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end, int limit, int maxBytes)
    {
        var proposed = overlay.Count == 0 ? [] : overlay.In(start, end).ToList();
        var stored = FindStored(start, end, limit + proposed.Count, maxBytes);
        if (proposed.Count == 0)
            return stored;
        HasSeenProposals = true;
        var replaced = proposed.Select(entry => entry.Write.Key).ToHashSet(RoutingKeyComparer.Instance);
        return
        [
            .. stored.Where(row => !replaced.Contains(row.Key))
                .Concat(proposed.Select(ToItem).OfType<ScanItem>())
                .OrderBy(row => row.Key, Comparer<ReadOnlyMemory<byte>>.Create((left, right) => left.Span.SequenceCompareTo(right.Span)))
                .Take(limit),
        ];
    }

    private List<ScanItem> FindStored(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte>? end, int limit, int maxBytes)
    {
        var rows = new List<MvccRow>();
        var bytes = 0L;
        while (!IsExhausted)
        {
            var slice = store.Scan(
                start.Span, end.GetValueOrDefault().Span, end is not null, at, limit - rows.Count, (int)Math.Max(1, maxBytes - bytes), reverse: false, keysOnly: false, rows);
            _examined += slice.Examined;
            bytes += slice.Bytes;
            if (slice.ResumeKey is not { } resume || rows.Count >= limit || bytes > maxBytes)
                break;
            start = resume;
        }

        return rows.ConvertAll(row =>
        {
            var (contentType, value) = StoredValue.Read(row.Version.Value);
            return new ScanItem(row.Key, row.Version.Timestamp, contentType, value);
        });
    }

    private ScanItem? ToItem(ProposalOverlay.Entry entry) => entry.IsTombstone || (!entry.ExpiresAt.IsZero && entry.ExpiresAt <= at)
        ? null
        : new ScanItem(entry.Write.Key, entry.Timestamp, entry.Write.ContentType, entry.Write.Value);
}

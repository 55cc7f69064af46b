using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// Removes in slices what the GC threshold has made unreadable, and moves live bytes out of sparse slab pages.
/// <para>
/// The sweep goes from the end of the tree to its start, so of one chain it meets the oldest version first. A version at or
/// below the threshold goes if a newer one at or below it exists, or if it is a tombstone or expired at the threshold; in
/// the second case everything that it hid is already gone. So nothing can reappear wherever a slice, a checkpoint or a crash cuts
/// the sweep, and each decision needs only the version and its newer neighbour.
/// </para>
/// <para>
/// <see cref="Decided"/> is the threshold of the newest pass that began. At or below it versions may have been removed, so
/// none is accepted there any more; above it, every version that was ever applied is still there, or a newer one at or
/// below the store's threshold is. While a checkpoint is written it does not move: see <see cref="MvccCheckpointCursor"/>.
/// </para>
/// </summary>
internal sealed class VersionCollector
{
    private readonly VersionSlabs _slabs;
    private readonly VersionTree _tree;
    private readonly VersionCounters _counters;
    private bool _passRunning;
    private Separator? _bound;

    public VersionCollector(VersionSlabs slabs, VersionTree tree, VersionCounters counters)
    {
        _slabs = slabs;
        _tree = tree;
        _counters = counters;
    }

    /// <summary>Versions at or below this are decided.</summary>
    public Timestamp Decided { get; private set; }

    /// <summary>Takes over what a checkpoint had decided.</summary>
    public void Restore(Timestamp decided) => Decided = Timestamp.Later(Decided, decided);

    /// <summary>Whether a slice would find a pass to run.</summary>
    public bool IsPending(Timestamp threshold) =>
        _passRunning || _slabs.EvacuationDue || (threshold > Decided && _counters.MayHoldGarbage);

    /// <summary>Runs a slice: whole leaves until <paramref name="maxExamined"/> versions are reached or the pass is complete.</summary>
    public GcProgress Collect(Timestamp threshold, int maxExamined)
    {
        if (!_passRunning)
        {
            var pending = IsPending(threshold);
            Decided = Timestamp.Later(Decided, threshold);
            if (!pending)
                return GcProgress.Nothing;
            _slabs.MarkSparsePages();
            _passRunning = true;
            _bound = null;
        }

        var slice = default(GcProgress);
        while (slice.Examined < maxExamined && slice.MovedBytes < MvccLimits.MaxMovedBytesPerSlice)
        {
            var leaf = _tree.LeafBefore(_bound, out var lowFence);
            slice = Sweep(leaf, slice);
            _bound = lowFence;
            if (lowFence is null)
            {
                _passRunning = false;
                _slabs.ClearMarks();
                return slice with { PassComplete = true };
            }
        }

        return slice;
    }

    private GcProgress Sweep(LeafBlock leaf, GcProgress slice)
    {
        var keep = 0UL;
        var examined = leaf.Count;

        // The kept entry that follows, in this leaf or the next: already decided, its bytes already moved.
        var (olderLeaf, older) = (leaf.Next, 0);
        for (var index = leaf.Count - 1; index >= 0; index--)
        {
            var newer = index > 0 ? new TreePosition(leaf, index - 1) : new TreePosition(leaf.Previous, (leaf.Previous?.Count ?? 0) - 1);
            if (IsGarbage(leaf, index, newer))
            {
                slice = Remove(leaf.Entries[index], Neighbour(newer), Neighbour(new(olderLeaf, older)), slice);
                continue;
            }

            if (_slabs.HasSparsePages)
                slice = slice with { MovedBytes = slice.MovedBytes + Move(ref leaf.Entries[index], newer, new(olderLeaf, older)) };
            keep |= 1UL << index;
            (olderLeaf, older) = (leaf, index);
        }

        _tree.Keep(leaf, keep);
        return slice with { Examined = slice.Examined + examined };
    }

    private static VersionEntry? Neighbour(TreePosition position) => position.Leaf is null ? null : position.Entry;

    private bool IsGarbage(LeafBlock leaf, int index, TreePosition newer)
    {
        ref var entry = ref leaf.Entries[index];
        if (entry.Timestamp > Decided.Value)
            return false;
        if (!entry.IsLiveAt(_slabs, Decided.Value))
            return true;
        if (newer.Leaf is null || newer.Entry.Timestamp > Decided.Value)
            return false;
        return index > 0 ? leaf.ContinuesKey(_slabs, index) : leaf.ContinuesKeyOfPrevious(_slabs);
    }

    private GcProgress Remove(in VersionEntry entry, VersionEntry? newer, VersionEntry? older, GcProgress slice)
    {
        var freed = (long)entry.ValueLength;
        _counters.CountVersion(entry, -1);
        _slabs.Values.Release(entry.ValuePage, entry.StoredValueBytes);

        var keyIsShared = (newer is { } n && n.SharesKeyWith(entry)) || (older is { } o && o.SharesKeyWith(entry));
        var keyRemains = keyIsShared
            || (newer is { } n2 && LeafBlock.SameKey(_slabs, n2, entry))
            || (older is { } o2 && LeafBlock.SameKey(_slabs, o2, entry));
        if (!keyIsShared)
            _slabs.Keys.Release(entry.KeyPage, entry.KeyLength);
        if (!keyRemains)
        {
            freed += entry.KeyLength;
            _counters.Keys--;
            _counters.PayloadBytes -= entry.KeyLength;
            if (!entry.IsTombstone)
                _counters.LiveKeys--;
        }

        return slice with
        {
            FreedKeys = slice.FreedKeys + (keyRemains ? 0 : 1),
            FreedVersions = slice.FreedVersions + 1,
            FreedBytes = slice.FreedBytes + freed,
        };
    }

    private long Move(ref VersionEntry entry, TreePosition newer, TreePosition older)
    {
        var moved = 0L;
        if (_slabs.Values.IsSparse(entry.ValuePage))
        {
            var (page, length) = (entry.ValuePage, entry.StoredValueBytes);
            var value = entry.ToVersion(_slabs).Value.Span;
            entry.StoreValue(_slabs, value, entry.ExpiresAt(_slabs));
            _slabs.Values.Release(page, length);
            moved += length;
        }

        // Sharers of a key must stay contiguous, so bytes that an older version still shares stay where they are. The sweep has moved
        // all older versions already, and one that comes now shares with those; but to be wrong here would free bytes in use.
        if (!_slabs.Keys.IsSparse(entry.KeyPage) || (older.Leaf is not null && older.Entry.SharesKeyWith(entry)))
            return moved;

        var before = entry;
        if (older.Leaf is not null && LeafBlock.SameKey(_slabs, older.Entry, entry))
        {
            entry.ShareKey(older.Entry);
        }
        else
        {
            entry.StoreKey(_slabs, before.Key(_slabs));
            moved += entry.KeyLength;
        }

        if (newer.Leaf is null || !newer.Entry.SharesKeyWith(before))
            _slabs.Keys.Release(before.KeyPage, before.KeyLength);
        return moved;
    }
}

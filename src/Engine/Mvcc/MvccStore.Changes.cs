using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>What changed in an interval of time: out of what is remembered of late, or by a walk over all versions.</summary>
public sealed partial class MvccStore
{
    private RecentVersions? _recent;

    /// <summary>From which timestamp on the newest versions are remembered in order of time; null while they are not.</summary>
    public Timestamp? RecentAfter => _recent?.CompleteAfter;

    /// <summary>
    /// Remembers, from now on, which versions are added, so that <see cref="TryRecentChanges"/> finds them without a walk. A bounded number; the oldest
    /// are forgotten.
    /// </summary>
    /// <param name="newest">At or above every version that the store has.</param>
    public void RememberRecent(Timestamp newest) => _recent ??= new(newest);

    /// <summary>Ends that.</summary>
    public void ForgetRecent() => _recent = null;

    /// <summary>Adds the changes of an interval of keys to a selection from what is remembered.</summary>
    /// <param name="start">Inclusive start; empty for the first key.</param>
    /// <param name="end">Exclusive end, if there is one.</param>
    /// <param name="hasEnd">Whether <paramref name="end"/> bounds the interval.</param>
    /// <param name="selection">Which interval of time.</param>
    /// <returns>False, and nothing was added: not everything after the selection's lower bound is remembered.</returns>
    /// <exception cref="InvalidOperationException">The selection begins below <see cref="GcThreshold"/>: the caller must ask first.</exception>
    public bool TryRecentChanges(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool hasEnd, ChangeSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        ThrowIfCollected(selection.After);
        if (_recent is null || selection.After < _recent.CompleteAfter)
            return false;
        foreach (ref readonly var entry in _recent.After(selection.After))
        {
            if (!selection.Contains(entry.Timestamp))
                break;
            if (!IsWithin(entry.Key, start, end, hasEnd) || !selection.Counts(entry.Key))
                continue;
            var position = _tree.Seek(entry.Key, entry.Timestamp);
            if (!IsAt(position, entry.Key) || position.Entry.Timestamp != entry.Timestamp)
                throw new InvalidOperationException($"The version at {new Timestamp(entry.Timestamp)} is remembered and not there: the structure is broken.");
            selection.Add(ChangeScanner.ChangeAt(_slabs, position.Leaf!, position.Index));
        }

        return true;
    }

    /// <summary>Whether a version of an interval of time lies in an interval of keys; true also where not everything of it is remembered.</summary>
    /// <param name="start">Inclusive start; empty for the first key.</param>
    /// <param name="end">Exclusive end, if there is one.</param>
    /// <param name="hasEnd">Whether <paramref name="end"/> bounds the interval.</param>
    /// <param name="after">Exclusive lower bound of the time.</param>
    /// <param name="upTo">Inclusive upper bound.</param>
    /// <param name="filter">Which keys count; null for all.</param>
    public bool MayHaveRecentChange(
        ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool hasEnd, Timestamp after, Timestamp upTo, ChangeSelection.KeyFilter? filter)
    {
        if (_recent is null || after < _recent.CompleteAfter)
            return true;
        foreach (ref readonly var entry in _recent.After(after))
        {
            if (entry.Timestamp > upTo.Value)
                break;
            if (IsWithin(entry.Key, start, end, hasEnd) && (filter?.Invoke(entry.Key) ?? true))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Does a part of a walk over an interval of keys for the changes of an interval of time. Between two parts versions may be added above the
    /// selection's upper bound, and garbage may be collected up to its lower one.
    /// </summary>
    /// <param name="cursor">Where the walk stands.</param>
    /// <param name="end">Exclusive end, if there is one.</param>
    /// <param name="hasEnd">Whether <paramref name="end"/> bounds the interval.</param>
    /// <param name="selection">Gets what belongs in.</param>
    /// <returns>Where the next part begins; null when the walk is complete.</returns>
    /// <exception cref="InvalidOperationException">The selection begins below <see cref="GcThreshold"/>: the caller must ask first.</exception>
    public ChangeCursor? Changes(ChangeCursor cursor, ReadOnlySpan<byte> end, bool hasEnd, ChangeSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        ThrowIfCollected(selection.After);
        if (hasEnd && cursor.Key.AsSpan().SequenceCompareTo(end) >= 0)
            return null;
        var to = hasEnd ? _tree.Seek(end, ulong.MaxValue) : TreePosition.End;
        var from = _tree.Seek(cursor.Key, cursor.Timestamp.Value);
        if (from == to)
            return null;
        var next = new ChangeScanner(_slabs, selection).Scan(from, to);
        return next.Leaf is null ? null : new(next.Entry.Key(_slabs).ToArray(), new(next.Entry.Timestamp));
    }

    private static bool IsWithin(ReadOnlySpan<byte> key, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool hasEnd) =>
        key.SequenceCompareTo(start) >= 0 && (!hasEnd || key.SequenceCompareTo(end) < 0);
}

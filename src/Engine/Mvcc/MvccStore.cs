using System.Buffers;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The versions of all keys of one range: an ordered map from routing key to version chain, readable at any timestamp at or above
/// <see cref="GcThreshold"/>.
/// <para>
/// <b>Sharing.</b> The owner synchronizes: a call that changes the store excludes all others; reads may run beside reads.
/// Memory that a read returned is immutable and may be held for any time, also after the lock is released.
/// </para>
/// <para>
/// <b>What it shows</b> is a function of two things alone: the set of versions applied and <see cref="GcThreshold"/>. Of each key
/// it shows all versions above the threshold, and the newest at or below it unless that is a tombstone or expired at the
/// threshold. How far collection has come, and in which order versions arrived, cannot be seen, except in the counters. So all
/// replicas of a range show the same.
/// </para>
/// <para>
/// <b>What the owner guarantees</b>: a record that is logged when the threshold is T only has versions above T; and on restart it
/// loads all blocks of one checkpoint, then replays the log from the LSN at which that checkpoint began, including the
/// changes of the threshold, at their places. Then the store is exactly what it was.
/// </para>
/// </summary>
public sealed partial class MvccStore
{
    private readonly VersionSlabs _slabs = new();
    private readonly VersionTree _tree;
    private readonly VersionCounters _counters = new();
    private readonly VersionCollector _collector;
    private MvccCheckpointCursor? _checkpoint;
    private ulong _newest;
    private bool _isLoading = true;

    /// <summary>An empty store, without any bytes of its own for keys and values.</summary>
    public MvccStore()
    {
        _tree = new(_slabs);
        _collector = new(_slabs, _tree, _counters);
    }

    /// <summary>Nothing below it can be read. Only grows.</summary>
    public Timestamp GcThreshold { get; private set; }

    /// <summary>
    /// Versions at or below it are not accepted any more, because collection may have removed what superseded them. At most
    /// <see cref="GcThreshold"/>.
    /// </summary>
    public Timestamp CollectedThreshold => _collector.Decided;

    /// <summary>Keys with at least one version in memory, tombstones included.</summary>
    public long Keys => _counters.Keys;

    /// <summary>Keys whose newest version is not a tombstone. One that has expired counts until it is collected.</summary>
    public long LiveKeys => _counters.LiveKeys;

    /// <summary>Versions in memory, tombstones included.</summary>
    public long Versions => _counters.Versions;

    /// <summary>Bytes of keys, each counted once, and of the values of all versions.</summary>
    public long PayloadBytes => _counters.PayloadBytes;

    /// <summary>Bytes that the store takes from the runtime, with what is dead, reserved or structure. Separators' keys are not counted.</summary>
    public long AllocatedBytes => _slabs.AllocatedBytes + _tree.AllocatedBytes;

    /// <summary>
    /// Whether <see cref="CollectSlice"/> has something to do: a pass is under way, the threshold may have made versions unreadable, or
    /// more than a third of the slab pages is dead.
    /// </summary>
    public bool CollectionPending => _collector.IsPending(CollectableThreshold);

    // For checks of the structure.
    internal (VersionSlabs Slabs, VersionTree Tree, VersionCounters Counters) Parts => (_slabs, _tree, _counters);

    private Timestamp CollectableThreshold => _checkpoint is null ? GcThreshold : CollectedThreshold;

    /// <summary>Whether a snapshot at this timestamp can be read.</summary>
    public bool CanReadAt(Timestamp at) => at >= GcThreshold;

    /// <summary>The newest version at or before <paramref name="at"/>, if it is neither a tombstone nor expired at <paramref name="at"/>.</summary>
    /// <exception cref="InvalidOperationException"><see cref="CanReadAt"/> is false: the caller must ask first.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, Timestamp at, out MvccVersion version)
    {
        ThrowIfCollected(at);
        var position = _tree.Seek(key, at.Value);
        if (IsAt(position, key) && position.Entry.IsLiveAt(_slabs, at.Value))
        {
            version = position.Entry.ToVersion(_slabs);
            return true;
        }

        version = default;
        return false;
    }

    /// <summary>The newest version, whatever it is, of those that the store shows: for conflict checks.</summary>
    public bool TryGetNewest(ReadOnlySpan<byte> key, out MvccVersion version)
    {
        var position = _tree.Seek(key, ulong.MaxValue);
        if (IsAt(position, key) && IsShown(position.Entry))
        {
            version = position.Entry.ToVersion(_slabs);
            return true;
        }

        version = default;
        return false;
    }

    /// <summary>First committer wins: whether a commit that read at <paramref name="readTimestamp"/> conflicts with a version of this key.</summary>
    /// <exception cref="InvalidOperationException"><see cref="CanReadAt"/> is false: the answer may be forgotten.</exception>
    public bool HasVersionAbove(ReadOnlySpan<byte> key, Timestamp readTimestamp)
    {
        ThrowIfCollected(readTimestamp);
        var position = _tree.Seek(key, ulong.MaxValue);
        return IsAt(position, key) && position.Entry.Timestamp > readTimestamp.Value;
    }

    /// <summary>
    /// Adds the versions of an interval of keys in an interval of time, tombstones and expired ones included: by key, of one key newest first. Costs a look at
    /// every version of the keys, unless nothing in the store is as new.
    /// </summary>
    /// <param name="start">Inclusive start; empty for the first key.</param>
    /// <param name="end">Exclusive end, if there is one.</param>
    /// <param name="hasEnd">Whether <paramref name="end"/> bounds the interval.</param>
    /// <param name="after">Exclusive lower bound of the timestamps.</param>
    /// <param name="upTo">Inclusive upper bound of the timestamps.</param>
    /// <param name="limit">Most versions to add; at least 1.</param>
    /// <param name="into">Where to add them.</param>
    /// <exception cref="InvalidOperationException"><see cref="CanReadAt"/> is false for <paramref name="after"/>: the answer may be forgotten.</exception>
    public void Changes(
        ReadOnlySpan<byte> start,
        ReadOnlySpan<byte> end,
        bool hasEnd,
        Timestamp after,
        Timestamp upTo,
        int limit,
        List<MvccRow> into)
    {
        ThrowIfCollected(after);
        if (_newest <= after.Value || (hasEnd && start.SequenceCompareTo(end) >= 0))
            return;
        var added = 0;
        var (leaf, index) = _tree.Seek(start, ulong.MaxValue);
        var to = hasEnd ? _tree.Seek(end, ulong.MaxValue) : TreePosition.End;
        for (; leaf is not null; leaf = leaf.Next, index = 0)
        {
            var isLast = ReferenceEquals(leaf, to.Leaf);
            var count = isLast ? to.Index : leaf.Count;
            for (; index < count; index++)
            {
                ref var entry = ref leaf.Entries[index];
                if (entry.Timestamp <= after.Value || entry.Timestamp > upTo.Value)
                    continue;
                into.Add(new(_slabs.Keys.Memory(entry.KeyPage, entry.KeyOffset, entry.KeyLength), entry.ToVersion(_slabs)));
                if (++added == limit)
                    return;
            }

            if (isLast)
                return;
        }
    }

    /// <summary>The same of one key.</summary>
    /// <exception cref="InvalidOperationException"><see cref="CanReadAt"/> is false for <paramref name="after"/>: the answer may be forgotten.</exception>
    public void ChangesOf(ReadOnlySpan<byte> key, Timestamp after, Timestamp upTo, int limit, List<MvccVersion> into)
    {
        ThrowIfCollected(after);
        if (_newest <= after.Value)
            return;
        var added = 0;
        var position = _tree.Seek(key, upTo.Value);
        while (added < limit && IsAt(position, key) && position.Entry.Timestamp > after.Value)
        {
            into.Add(position.Entry.ToVersion(_slabs));
            added++;
            var (leaf, index) = position;
            position = index + 1 < leaf!.Count ? new(leaf, index + 1) : new(leaf.Next, 0);
        }
    }

    /// <summary>Adds the versions that the store shows, newest first, tombstones and expired ones included.</summary>
    /// <param name="key">The routing key.</param>
    /// <param name="limit">Most versions to add.</param>
    /// <param name="into">Where to add them.</param>
    /// <returns>How many were added.</returns>
    public int History(ReadOnlySpan<byte> key, int limit, List<MvccVersion> into)
    {
        var added = 0;
        var position = _tree.Seek(key, ulong.MaxValue);
        while (added < limit && IsAt(position, key) && IsShown(position.Entry))
        {
            into.Add(position.Entry.ToVersion(_slabs));
            added++;
            if (position.Entry.Timestamp <= GcThreshold.Value)
                break;
            var (leaf, index) = position;
            position = index + 1 < leaf!.Count ? new(leaf, index + 1) : new(leaf.Next, 0);
        }

        return added;
    }

    /// <summary>
    /// Adds the live versions of an interval of keys, as of a timestamp, until the interval is finished or a bound is reached:
    /// <paramref name="limit"/>, <paramref name="maxBytes"/> (the row that reaches it is the last) or
    /// <see cref="MvccLimits.MaxExaminedPerSlice"/>.
    /// </summary>
    /// <param name="start">Inclusive start; empty for the first key.</param>
    /// <param name="end">Exclusive end, if there is one.</param>
    /// <param name="hasEnd">Whether <paramref name="end"/> bounds the interval.</param>
    /// <param name="at">The snapshot.</param>
    /// <param name="limit">Most rows; at least 1.</param>
    /// <param name="maxBytes">Bytes of keys and values after which the slice ends; at least 1.</param>
    /// <param name="reverse">Descending instead of ascending.</param>
    /// <param name="keysOnly">Leave the values out.</param>
    /// <param name="into">Where to add the rows.</param>
    /// <exception cref="InvalidOperationException"><see cref="CanReadAt"/> is false: the caller must ask first.</exception>
    public MvccScanResult Scan(
        ReadOnlySpan<byte> start,
        ReadOnlySpan<byte> end,
        bool hasEnd,
        Timestamp at,
        int limit,
        int maxBytes,
        bool reverse,
        bool keysOnly,
        List<MvccRow> into)
    {
        ThrowIfCollected(at);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        if (hasEnd && start.SequenceCompareTo(end) >= 0)
            return default;
        var from = _tree.Seek(start, ulong.MaxValue);
        var to = hasEnd ? _tree.Seek(end, ulong.MaxValue) : TreePosition.End;
        var scanner = new VersionScanner(_slabs, _tree, at.Value, limit, maxBytes, keysOnly, into);
        return reverse ? scanner.Reverse(from, to) : scanner.Forward(from, to);
    }

    /// <summary>Adds one version. Idempotent, and indifferent to the order in which versions come.</summary>
    /// <param name="key">At most <see cref="MvccLimits.MaxKeyBytes"/>.</param>
    /// <param name="timestamp">Neither <see cref="Timestamp.Zero"/> nor <see cref="Timestamp.Max"/>.</param>
    /// <param name="tombstone">Whether the key is deleted; then there is no expiry, and the value is what the owner wants to know of the deletion.</param>
    /// <param name="expiresAt">First timestamp at which it counts as absent; zero for never.</param>
    /// <param name="value">At most <see cref="MvccLimits.MaxValueBytes"/>; copied.</param>
    /// <returns>
    /// False when nothing changed: the version is there already, or a newer one at or below <see cref="GcThreshold"/> supersedes
    /// it, or it is at or below <see cref="CollectedThreshold"/>, so that its fate was decided before.
    /// </returns>
    /// <exception cref="ArgumentException">A bound is broken.</exception>
    public bool Apply(ReadOnlySpan<byte> key, Timestamp timestamp, bool tombstone, Timestamp expiresAt, ReadOnlySpan<byte> value)
    {
        ThrowIfInvalid(key, timestamp, tombstone, expiresAt, value);
        _isLoading = false;
        return timestamp > CollectedThreshold && Add(key, timestamp.Value, tombstone, expiresAt.Value, value);
    }

    /// <summary>
    /// Raises the threshold; a lower one is ignored. From now on nothing below it can be read; <see cref="CollectSlice"/> frees
    /// the memory.
    /// </summary>
    public void SetGcThreshold(Timestamp threshold) => GcThreshold = Timestamp.Later(GcThreshold, threshold);

    /// <summary>
    /// Does a part of the collection: removes what cannot be read any more and moves live bytes out of sparse pages. Never
    /// changes what the store shows.
    /// </summary>
    /// <param name="maxKeysExamined">Versions to look at, rounded up to whole blocks of <c>64</c>; at least 1.</param>
    public GcProgress CollectSlice(int maxKeysExamined)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxKeysExamined, 1);
        _isLoading = false;
        return _collector.Collect(CollectableThreshold, maxKeysExamined);
    }

    /// <summary>
    /// Begins a fuzzy checkpoint; the owner notes its LSN at the same moment. An unfinished one that was begun before ends.
    /// </summary>
    public MvccCheckpointCursor BeginCheckpoint() => _checkpoint = new(CollectedThreshold, GcThreshold);

    /// <summary>Writes the next block of a checkpoint.</summary>
    /// <param name="cursor">The newest one of <see cref="BeginCheckpoint"/>.</param>
    /// <param name="output">Gets exactly one block.</param>
    /// <param name="maxBytes">Longest block; a single version that is longer makes a block of its own.</param>
    /// <returns>Whether more remains. The first block of an empty store is the last, and needed like any other.</returns>
    /// <exception cref="InvalidOperationException">The cursor is complete, ended, or not the newest.</exception>
    public bool WriteSlice(MvccCheckpointCursor cursor, IBufferWriter<byte> output, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(cursor);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, 1);
        if (!ReferenceEquals(cursor, _checkpoint))
            throw new InvalidOperationException("The checkpoint has ended.");
        var from = cursor.Last is { } last
            ? _tree.Seek(last.Key, last.Timestamp - 1)
            : _tree.Seek([], ulong.MaxValue);
        var more = CheckpointBlockWriter.Write(_slabs, from, cursor, output, maxBytes);
        if (!more)
            EndCheckpoint(cursor);
        return more;
    }

    /// <summary>Ends a checkpoint that will not be completed, and lets collection move on. Does nothing when it has ended.</summary>
    public void EndCheckpoint(MvccCheckpointCursor cursor)
    {
        if (ReferenceEquals(_checkpoint, cursor))
            _checkpoint = null;
    }

    /// <summary>
    /// Loads one block. Blocks come in the order in which they were written, into a new store, before anything else is applied.
    /// Restores the thresholds of the checkpoint's beginning.
    /// </summary>
    /// <exception cref="InvalidDataException">The block is malformed or out of order. The store is then to be thrown away.</exception>
    /// <exception cref="InvalidOperationException">The store was changed after it was created.</exception>
    public void LoadBlock(ReadOnlySpan<byte> block)
    {
        if (!_isLoading)
            throw new InvalidOperationException("Blocks are loaded before anything is applied or collected.");
        var reader = new CheckpointBlockReader(block);
        _collector.Restore(reader.Decided);
        SetGcThreshold(reader.GcThreshold);
        while (reader.Read())
        {
            if (reader.Timestamp.IsZero || reader.Timestamp == Timestamp.Max)
                throw new InvalidDataException($"The block has a version at {reader.Timestamp}.");
            var position = _tree.Locate(reader.Key, reader.Timestamp.Value);
            if (position.Leaf != _tree.Last || position.Index != _tree.Last.Count)
                throw new InvalidDataException("The block has a version that is not behind the one before it.");
            Insert(position, reader.Key, reader.Timestamp.Value, reader.IsTombstone, reader.ExpiresAt.Value, reader.Value);
        }
    }

    /// <summary>
    /// A key that splits the store into two halves of about the same number of payload bytes: the first key of the upper half. Null with
    /// fewer than two keys. Walks the whole index (about ten milliseconds per million versions), so ask rarely.
    /// </summary>
    public byte[]? SplitKeyNearMiddle()
    {
        var passed = 0L;
        for (var leaf = _tree.First; leaf is not null; leaf = leaf.Next)
        {
            for (var index = 0; index < leaf.Count; index++)
            {
                ref var entry = ref leaf.Entries[index];
                var isFirst = index == 0 && leaf.Previous is null;
                var continues = !isFirst && (index > 0 ? leaf.ContinuesKey(_slabs, index) : leaf.ContinuesKeyOfPrevious(_slabs));
                if (!isFirst && !continues && passed * 2 >= PayloadBytes)
                    return entry.Key(_slabs).ToArray();
                passed += entry.ValueLength + (continues ? 0 : entry.KeyLength);
            }
        }

        // Nearly everything is in the last key: it alone is the upper half.
        if (Keys < 2)
            return null;
        var last = _tree.Last;
        return last.Entries[last.Count - 1].Key(_slabs).ToArray();
    }

    private static void ThrowIfInvalid(
        ReadOnlySpan<byte> key,
        Timestamp timestamp,
        bool tombstone,
        Timestamp expiresAt,
        ReadOnlySpan<byte> value)
    {
        if (key.Length > MvccLimits.MaxKeyBytes)
            throw new ArgumentException($"A key of {key.Length} bytes; at most {MvccLimits.MaxKeyBytes} are possible.", nameof(key));
        if (value.Length > MvccLimits.MaxValueBytes)
            throw new ArgumentException($"A value of {value.Length} bytes; at most {MvccLimits.MaxValueBytes} are possible.", nameof(value));
        if (timestamp.IsZero || timestamp == Timestamp.Max)
            throw new ArgumentException($"No version can have the timestamp {timestamp}.", nameof(timestamp));
        if (tombstone && !expiresAt.IsZero)
            throw new ArgumentException("A tombstone has no expiry.", nameof(tombstone));
    }

    private void ThrowIfCollected(Timestamp at)
    {
        if (at < GcThreshold)
            throw new InvalidOperationException($"Read at {at}, below the GC threshold {GcThreshold}: the owner must ask CanReadAt first.");
    }

    private bool IsAt(TreePosition position, ReadOnlySpan<byte> key) => position.Leaf is { } leaf && leaf.HasKey(_slabs, position.Index, key);

    // Of the newest version at or below the threshold; those above are shown anyway.
    private bool IsShown(in VersionEntry entry) => entry.Timestamp > GcThreshold.Value || entry.IsLiveAt(_slabs, GcThreshold.Value);

    private bool Add(ReadOnlySpan<byte> key, ulong timestamp, bool tombstone, ulong expiresAt, ReadOnlySpan<byte> value)
    {
        var position = _tree.Locate(key, timestamp);
        var (leaf, index) = position;
        if (index < leaf!.Count && leaf.Entries[index].Timestamp == timestamp && leaf.HasRoutedKey(_slabs, index, key))
            return false;
        if (timestamp <= GcThreshold.Value && TryNewer(position, key, out var newer) && newer.Entry.Timestamp <= GcThreshold.Value)
            return false;
        Insert(position, key, timestamp, tombstone, expiresAt, value);
        _recent?.Add(key, timestamp);
        return true;
    }

    private void Insert(TreePosition position, ReadOnlySpan<byte> key, ulong timestamp, bool tombstone, ulong expiresAt, ReadOnlySpan<byte> value)
    {
        _newest = Math.Max(_newest, timestamp);
        var entry = new VersionEntry { Timestamp = timestamp, Flags = tombstone ? VersionFlags.Tombstone : VersionFlags.None };
        var hasOlder = TryOlder(position, key, out var older);
        var hasNewer = TryNewer(position, key, out var newer);
        if (hasOlder)
        {
            entry.ShareKey(older.Entry);
        }
        else if (hasNewer)
        {
            entry.ShareKey(newer.Entry);
        }
        else
        {
            entry.StoreKey(_slabs, key);
            _counters.Keys++;
            _counters.PayloadBytes += key.Length;
        }

        entry.StoreValue(_slabs, value, expiresAt);
        _counters.CountVersion(entry, 1);
        if (!hasNewer)
        {
            var olderIsLive = hasOlder && !older.Entry.IsTombstone;
            _counters.LiveKeys += (tombstone ? 0 : 1) - (olderIsLive ? 1 : 0);
        }

        _tree.Insert(position, key, entry);
    }

    private bool TryOlder(TreePosition position, ReadOnlySpan<byte> key, out TreePosition older)
    {
        var (leaf, index) = position;
        older = position;
        if (index < leaf!.Count)
            return leaf.HasRoutedKey(_slabs, index, key);
        older = new(leaf.Next, 0);
        return IsAt(older, key);
    }

    private bool TryNewer(TreePosition position, ReadOnlySpan<byte> key, out TreePosition newer)
    {
        var (leaf, index) = position;
        newer = new(leaf, index - 1);
        if (index > 0)
            return leaf!.HasRoutedKey(_slabs, index - 1, key);
        newer = new(leaf!.Previous, (leaf.Previous?.Count ?? 0) - 1);
        return IsAt(newer, key);
    }
}

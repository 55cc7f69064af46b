using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <content>Reading, and removing both ends.</content>
public sealed partial class WriteAheadLog
{
    /// <summary>
    /// The records from an LSN up to the one that was the last durable one when the enumeration began. May run beside appends;
    /// payloads stay valid as long as they are held.
    /// </summary>
    /// <exception cref="LogTruncatedException"><paramref name="from"/> is below <see cref="FirstLsn"/>, now or by a prefix truncation meanwhile.</exception>
    /// <exception cref="LogReplacedException">The suffix was truncated, or a snapshot installed, meanwhile.</exception>
    /// <exception cref="WalCorruptionException">The file was damaged after it had been opened.</exception>
    public IEnumerable<WalRecord> ReplayFrom(Lsn from)
    {
        var first = FirstLsn;
        return from < first ? throw new LogTruncatedException(first) : Replay(from);
    }

    /// <summary>The epoch of a record, also of the one just before <see cref="FirstLsn"/> (zero for LSN 0).</summary>
    /// <returns>False when that LSN is below or above the log.</returns>
    public bool TryGetEpoch(Lsn lsn, out Epoch epoch)
    {
        lock (_gate)
        {
            epoch = _lastEpoch;
            if (lsn == _lastLsn) return true;
            if (lsn > _lastLsn || lsn.Next < _segments[0].Header.FirstLsn) return false;
            if (_segments.Find(s => s.Header.FirstLsn == lsn.Next) is { } follower)
            {
                epoch = follower.Header.PreviousEpoch;
                return true;
            }
        }

        epoch = ReplayFrom(lsn).First().Epoch;
        return true;
    }

    /// <summary>
    /// Deletes segments whose records are all below <paramref name="keepFrom"/> and not needed to start from the older of the
    /// two kept checkpoints. The active segment stays.
    /// </summary>
    /// <returns>Bytes given back.</returns>
    /// <exception cref="WalBrokenException">The log is broken, now or before.</exception>
    public long TruncatePrefix(Lsn keepFrom)
    {
        ThrowIfBroken();
        var freed = 0L;
        lock (_removing)
        {
            while (TakeOldest(keepFrom) is { } segment)
            {
                RemoveDurably(segment.Path);
                freed += segment.Capacity;
            }
        }

        return freed;
    }

    /// <summary>Removes the records from an LSN on, durably (a new leader's log differs from there). No effect above the last record.</summary>
    /// <exception cref="ArgumentException">It is not above the newest checkpoint, whose state holds the records before.</exception>
    /// <exception cref="DiskFullException">There is no room to note the truncation; nothing was changed.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before. A restart completes a truncation that had begun.</exception>
    public void TruncateSuffix(Lsn from)
    {
        using var only = EnterAppender();
        ThrowIfBroken();
        if (from > _lastLsn) return;
        if (from <= CheckpointLsn || from < FirstLsn)
            throw new ArgumentException($"records up to checkpoint {CheckpointLsn}, and those before {FirstLsn}, cannot be removed", nameof(from));
        try
        {
            lock (_removing)
            {
                SuffixTruncation.Begin(_files, _range, _incarnation, from);
                Interlocked.Increment(ref _replacements); // replays under way stop here
                _file.Dispose();
                SuffixTruncation.Complete(_files, from);
                Reload();
            }
        }
        catch (DiskFullException) when (!_files.FileSystem.FileExists(SuffixTruncation.PathIn(Directory)))
        {
            throw; // it had not begun
        }
        catch (Exception exception)
        {
            throw Break("truncating the suffix failed", exception);
        }
    }

    /// <summary>One by one, each durable: names removed together may come back in any order, and a gap would be corruption.</summary>
    private void RemoveDurably(string path)
    {
        try
        {
            _files.FileSystem.Delete(path);
            _files.FileSystem.SyncDirectory(Directory);
        }
        catch (Exception exception)
        {
            throw Break("deleting a segment failed", exception);
        }
    }

    private void Reload()
    {
        var recovery = new LogRecovery(_files, _range, _incarnation);
        recovery.Read(); // and nothing else: temporary files belong to a checkpoint or a snapshot that is being written
        _active = recovery.Segments[^1];
        _file = _files.FileSystem.Open(_active.Path);
        _markedClosed = false;
        lock (_gate)
        {
            var removed = _segments.Sum(s => s.End) - recovery.Segments.Sum(s => s.End);
            _appendedBytes = Math.Max(_checkpointedBytes, _appendedBytes - removed);
            _segments.Clear();
            _segments.AddRange(recovery.Segments);
            (_lastLsn, _lastEpoch, _lastTimestamp) = (_segments[^1].LastLsn, recovery.LastEpoch, recovery.LargestTimestamp);
            Interlocked.Increment(ref _replacements);
        }
    }

    private IEnumerable<WalRecord> Replay(Lsn from)
    {
        var (spans, replacements) = Snapshot(from);
        foreach (var span in spans)
        {
            using var file = OpenForReplay(span.Path, replacements);
            using var records = new LogReader(file, span).Read(from).GetEnumerator();
            while (MoveNext(records, replacements)) yield return records.Current;
        }
    }

    private bool MoveNext(IEnumerator<WalRecord> records, int replacements)
    {
        bool more;
        try
        {
            more = records.MoveNext();
        }
        catch (WalCorruptionException)
        {
            ThrowIfReplaced(replacements); // by a file of the same name with other content
            throw;
        }

        ThrowIfReplaced(replacements);
        return more;
    }

    /// <summary>
    /// Files are opened by name after the log was looked at, and a truncation or a snapshot may put others under the same names meanwhile. So a reader takes
    /// this count first, and believes what it read only when the count is still the same.
    /// </summary>
    private int CurrentReplacements()
    {
        var replacements = Volatile.Read(ref _replacements);
        if (replacements % 2 == 0) return replacements;
        ThrowIfBroken(); // inside the replacement, for good
        throw new LogReplacedException();
    }

    private void ThrowIfReplaced(int replacements)
    {
        if (Volatile.Read(ref _replacements) != replacements) throw new LogReplacedException();
    }

    private (List<SegmentSpan> Spans, int Replacements) Snapshot(Lsn from)
    {
        var replacements = CurrentReplacements();
        lock (_gate)
        {
            ThrowIfReplaced(replacements);
            if (from < _segments[0].Header.FirstLsn) throw new LogTruncatedException(_segments[0].Header.FirstLsn);
            List<SegmentSpan> spans = [.. _segments
                .Where(s => s.LastLsn >= from)
                .Select(s => new SegmentSpan(s.Path, s.Salt, s.Index.OffsetAtOrBefore(from), s.End))];
            return (spans, replacements);
        }
    }

    private IWalFile OpenForReplay(string path, int replacements)
    {
        try
        {
            return _files.FileSystem.OpenRead(path);
        }
        catch (FileNotFoundException)
        {
            ThrowIfReplaced(replacements);
            throw new LogTruncatedException(FirstLsn); // recycled since the enumeration began
        }
    }

    private Segment? TakeOldest(Lsn keepFrom)
    {
        var needed = _checkpoints.Protected.Next;
        var limit = keepFrom < needed ? keepFrom : needed;
        lock (_gate)
        {
            if (_segments.Count < 2) return null;
            var oldest = _segments[0];
            if (oldest.LastLsn >= limit) return null;
            _segments.RemoveAt(0);
            _counters = _counters with { RecycledSegments = _counters.RecycledSegments + 1 };
            return oldest;
        }
    }
}

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
    /// <exception cref="InvalidOperationException">The suffix was truncated meanwhile.</exception>
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
                Interlocked.Increment(ref _suffixTruncations); // replays under way stop here
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
        recovery.Run(_options.FirstSegmentBytes);
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
        }
    }

    private IEnumerable<WalRecord> Replay(Lsn from)
    {
        var (spans, generation) = Snapshot(from);
        foreach (var span in spans)
        {
            using var file = OpenForReplay(span.Path);
            foreach (var record in new LogReader(file, span).Read(from))
            {
                if (Volatile.Read(ref _suffixTruncations) != generation) throw new InvalidOperationException("the log's suffix was truncated during the replay");
                yield return record;
            }
        }
    }

    private (List<SegmentSpan> Spans, int Generation) Snapshot(Lsn from)
    {
        lock (_gate)
        {
            if (from < _segments[0].Header.FirstLsn) throw new LogTruncatedException(_segments[0].Header.FirstLsn);
            List<SegmentSpan> spans = [.. _segments
                .Where(s => s.LastLsn >= from)
                .Select(s => new SegmentSpan(s.Path, s.Salt, s.Index.OffsetAtOrBefore(from), s.End))];
            return (spans, _suffixTruncations);
        }
    }

    private IWalFile OpenForReplay(string path)
    {
        try
        {
            return _files.FileSystem.OpenRead(path);
        }
        catch (FileNotFoundException)
        {
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

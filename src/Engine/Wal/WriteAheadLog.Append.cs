using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Wal;

/// <content>Appending and rotation.</content>
public sealed partial class WriteAheadLog
{
    /// <summary>Makes a batch durable: one write, one <c>fdatasync</c>, before them a new segment when the batch does not fit.</summary>
    /// <param name="batch">Begins at the LSN after <see cref="LastLsn"/>, with an epoch not below <see cref="LastEpoch"/>; not empty.</param>
    /// <exception cref="DiskFullException">No room. Nothing of the batch is in the log, and it may be tried again.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before. Whether this batch survives a restart is unknown.</exception>
    /// <exception cref="ArgumentException">The batch does not continue the log.</exception>
    public void Append(WalBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using var only = EnterAppender();
        ThrowIfBroken();
        if (batch.IsEmpty || batch.First != _lastLsn.Next) throw new ArgumentException($"the batch begins at LSN {batch.First}, the log continues at {_lastLsn.Next}", nameof(batch));
        if (batch.FirstEpoch < _lastEpoch) throw new ArgumentException($"the batch has epoch {batch.FirstEpoch}, the log {_lastEpoch}", nameof(batch));

        var framedBytes = BatchFrame.Bytes + batch.RecordBytes;
        if (!_active.Fits(framedBytes)) Rotate(framedBytes, fromReserve: false);
        try
        {
            _file.Write(_active.End, batch.Framed(_active.Salt));
            _file.SyncData();
        }
        catch (Exception exception) // also a full disk: behind an allocation that had succeeded, it may have torn the write
        {
            throw Break("writing a batch failed", exception);
        }

        _markedClosed = false;
        lock (_gate)
        {
            _active.Extend(batch.First, batch.Last, framedBytes);
            (_lastLsn, _lastEpoch, _lastTimestamp) = (batch.Last, batch.LastEpoch, Timestamp.Later(_lastTimestamp, batch.LargestTimestamp));
            _appendedBytes += framedBytes;
            _counters = _counters with
            {
                Batches = _counters.Batches + 1,
                Records = _counters.Records + batch.Count,
                Bytes = _counters.Bytes + framedBytes,
                Syncs = _counters.Syncs + 1,
            };
            if (!_onReserve) (_status, _statusReason) = (WalStatus.Healthy, "");
        }
    }

    /// <summary>
    /// Does everything of an append that can meet a full disk before anything is written, so that a leader learns of it before it sends its records to others.
    /// Costs nothing when the active segment has room that is not of the reserve. Until the next change of another kind, a batch up to this size cannot end with <see cref="DiskFullException"/>.
    /// </summary>
    /// <param name="recordBytes">Bytes of the batch (<see cref="WalBatch.Bytes"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or more than <see cref="WalBatch.MaxBytes"/>.</exception>
    /// <exception cref="DiskFullException">No room. The log is unchanged, and it may be tried again.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before.</exception>
    public void EnsureRoom(int recordBytes) => MakeRoom(recordBytes, fromReserve: false);

    /// <summary>
    /// The same for the one record without which nothing can be read, the first of a leader: it may take of the reserve, down to half of it. What is left is for checkpoints.
    /// A log that lives on the reserve, or was full before, stays <see cref="WalStatus.DiskFull"/>, also behind the append, until there is room without it.
    /// </summary>
    /// <exception cref="DiskFullException">No room. The log is unchanged, and it may be tried again.</exception>
    /// <exception cref="WalBrokenException">The log is broken, now or before.</exception>
    public void EnsureRoomFromReserve(int recordBytes) => MakeRoom(recordBytes, fromReserve: true);

    private void MakeRoom(int recordBytes, bool fromReserve)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(recordBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(recordBytes, WalBatch.MaxBytes);
        using var only = EnterAppender();
        ThrowIfBroken();
        var framedBytes = BatchFrame.Bytes + recordBytes;
        if (!_active.Fits(framedBytes) || (_activeIsOfReserve && !fromReserve)) Rotate(framedBytes, fromReserve);
        lock (_gate)
        {
            if (fromReserve) _onReserve = _status == WalStatus.DiskFull;
            else (_onReserve, _status, _statusReason) = (false, WalStatus.Healthy, "");
        }
    }

    /// <summary>
    /// Begins a new segment: created durably, then the old one sealed, so that a seal without a successor, and a successor with
    /// records behind an unsealed segment, both prove a lost file. An empty segment that is too small has the name of the new
    /// one and is simply replaced.
    /// </summary>
    private void Rotate(int neededBytes, bool fromReserve)
    {
        var full = _active;
        Segment fresh;
        try
        {
            var wanted = Math.Clamp(full.Capacity * 2, _options.FirstSegmentBytes, _options.MaxSegmentBytes);
            fresh = CreateNext(wanted, neededBytes, fromReserve);
        }
        catch (DiskFullException exception)
        {
            lock (_gate) (_status, _statusReason) = (WalStatus.DiskFull, exception.Message);
            throw;
        }
        catch (Exception exception)
        {
            throw Break("creating a segment failed", exception);
        }

        var replaces = fresh.Header.FirstLsn == full.Header.FirstLsn;
        try
        {
            using var sealing = _file;
            _file = _files.FileSystem.Open(fresh.Path);
            if (!replaces) SegmentFiles.WriteMark(sealing, full, BatchFrameKind.Seal);
        }
        catch (Exception exception)
        {
            throw Break("sealing a segment failed", exception);
        }

        _active = fresh;
        lock (_gate)
        {
            if (replaces) _segments.RemoveAt(_segments.Count - 1);
            else full.ExtendByMark();
            _segments.Add(fresh);
            _counters = _counters with { Rotations = _counters.Rotations + 1, Syncs = _counters.Syncs + (replaces ? 0 : 1) };
        }
    }

    private Segment CreateNext(long wantedBytes, int neededBytes, bool fromReserve)
    {
        SegmentHeader header = new(_range, _incarnation, _lastLsn.Next, _lastEpoch, _lastTimestamp);
        try
        {
            var segment = _files.Create(header, wantedBytes, neededBytes);
            lock (_gate) (_onReserve, _activeIsOfReserve, _status, _statusReason) = (false, false, WalStatus.Healthy, "");
            return segment;
        }
        catch (DiskFullException exception) when (fromReserve)
        {
            var segment = _files.CreateFromReserve(header, neededBytes);
            lock (_gate) (_onReserve, _activeIsOfReserve, _status, _statusReason) = (true, true, WalStatus.DiskFull, exception.Message);
            return segment;
        }
    }

    private AppenderTurn EnterAppender()
    {
        if (Interlocked.Exchange(ref _appending, 1) != 0) throw new InvalidOperationException("the log is being changed by another caller");
        return new(this);
    }

    private readonly struct AppenderTurn(WriteAheadLog log) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref log._appending, 0);
    }
}

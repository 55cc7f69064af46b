using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Gives records their LSNs and makes them durable in batches: while one batch is being written and synced, everything
/// that is enqueued forms the next one. So the batch size follows the load, and one sync serves all of them.
/// </summary>
/// <remarks>
/// <para>
/// States: idle; flushing (a flush is scheduled or running, at most one); rejecting (a full disk was found, the owner is
/// taking back what was pending; everything is refused); failed (final).
/// </para>
/// <para>
/// A flush takes the formed batch, appends it, tells the observer, starts the next flush when more has come, and only
/// then runs the waiters' completions, so that the disk is busy while they run.
/// </para>
/// <para>
/// When the disk is full, nothing of the batch was written, and everything that was enqueued behind it carries later LSNs that
/// can no longer be dense: all of it is refused together, and the next record gets the LSN after the last durable one.
/// </para>
/// </remarks>
public sealed class GroupCommit : IDisposable
{
    private readonly WriteAheadLog _log;
    private readonly GroupCommitOptions _options;
    private readonly Action<Action> _schedule;
    private readonly IGroupCommitObserver _observer;
    private readonly Action _flush;
    private readonly BatchHistogram _batchSizes = new();

    private readonly Lock _gate = new();
    private WalBatch _forming = new();
    private WalBatch _flushing = new();
    private Lsn _next;
    private bool _busy;
    private bool _rejecting;
    private bool _stopped;
    private Exception? _failure;

    /// <summary>Continues a log.</summary>
    /// <param name="log">Nobody else appends to it meanwhile.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="schedule">Runs the flush it is given, soon, on a thread that may block; never inside the call.</param>
    /// <param name="observer">Learns the outcomes.</param>
    public GroupCommit(WriteAheadLog log, GroupCommitOptions options, Action<Action> schedule, IGroupCommitObserver observer)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxPendingBytes is < 1 or > WalBatch.MaxBytes / 2 || options.MaxPendingRecords < 1)
            throw new ArgumentException($"bounds are from 1 on, and bytes at most {WalBatch.MaxBytes / 2}", nameof(options));
        _log = log;
        _options = options;
        _schedule = schedule;
        _observer = observer;
        _flush = Flush;
        _next = log.LastLsn.Next;
    }

    /// <summary>Numbers of batches by size.</summary>
    public BatchHistogram BatchSizes => _batchSizes;

    /// <summary>Records that wait, that being flushed included.</summary>
    public int PendingRecords
    {
        get
        {
            lock (_gate) return _forming.Count + _flushing.Count;
        }
    }

    /// <summary>Whether nothing waits and no flush runs (completions of the last one may still run).</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate) return !_busy;
        }
    }

    /// <summary>The LSN that the next record will get.</summary>
    public Lsn NextLsn
    {
        get
        {
            lock (_gate) return _next;
        }
    }

    /// <summary>Enqueues a record.</summary>
    /// <param name="type">See <see cref="WalRecord"/>.</param>
    /// <param name="flags">See <see cref="WalRecord"/>.</param>
    /// <param name="epoch">Not below that of the record before.</param>
    /// <param name="timestamp">See <see cref="WalRecord"/>.</param>
    /// <param name="payload">Copied.</param>
    /// <param name="lsn">Its position. The observer may learn of it before this call returns.</param>
    /// <returns>False when a bound is reached, or while a full disk is being dealt with: nothing happened, try later.</returns>
    /// <exception cref="WalBrokenException">The log is broken.</exception>
    /// <exception cref="ArgumentException">The epoch decreases, or the payload exceeds <see cref="WalRecordCodec.MaxPayloadBytes"/>.</exception>
    public bool TryEnqueue(byte type, byte flags, Epoch epoch, Timestamp timestamp, ReadOnlySpan<byte> payload, out Lsn lsn) =>
        TryEnqueue(type, flags, epoch, timestamp, payload.Length, payload, static (destination, source) =>
        {
            source.CopyTo(destination);
            return source.Length;
        }, out lsn);

    /// <summary>Enqueues a record whose payload is written in place, under the queue's lock: only quick work belongs there.</summary>
    /// <returns>See the other overload.</returns>
    /// <exception cref="WalBrokenException">The log is broken.</exception>
    /// <exception cref="ArgumentException">The epoch decreases, or the payload exceeds <see cref="WalRecordCodec.MaxPayloadBytes"/>.</exception>
    public bool TryEnqueue<TState>(
        byte type, byte flags, Epoch epoch, Timestamp timestamp, int maxPayloadBytes, TState state, WalPayloadWriter<TState> write, out Lsn lsn)
        where TState : allows ref struct
    {
        bool start;
        lock (_gate)
        {
            lsn = _next;
            if (_failure is not null) throw new WalBrokenException((_failure as WalBrokenException)?.Reason ?? _failure.Message, _failure);
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (_rejecting || !HasRoom(maxPayloadBytes)) return false;
            if (_forming.IsEmpty && _flushing.IsEmpty && epoch < _log.LastEpoch) throw new ArgumentException($"epoch {epoch} is below the log's {_log.LastEpoch}", nameof(epoch));
            if (!_flushing.IsEmpty && epoch < _flushing.LastEpoch) throw new ArgumentException($"epoch {epoch} is below {_flushing.LastEpoch}", nameof(epoch));
            _forming.Add(type, flags, epoch, lsn, timestamp, maxPayloadBytes, state, write);
            _next = lsn.Next;
            start = !_busy;
            _busy = true;
        }

        if (start) _schedule(_flush);
        return true;
    }

    /// <summary>Refuses further records. What is pending is still flushed.</summary>
    public void Stop()
    {
        lock (_gate) _stopped = true;
    }

    /// <summary>Gives the buffers back. Only when idle.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_busy) throw new InvalidOperationException("records are pending");
            _stopped = true;
            _forming.Dispose();
            _flushing.Dispose();
        }
    }

    private bool HasRoom(int payloadBytes)
    {
        var records = _forming.Count + _flushing.Count;
        if (records == 0) return true;
        var bytes = (long)_forming.RecordBytes + _flushing.RecordBytes + WalRecordCodec.EncodedBytes(payloadBytes);
        return records < _options.MaxPendingRecords && bytes <= _options.MaxPendingBytes;
    }

    private void Flush()
    {
        WalBatch batch;
        lock (_gate) (_flushing, _forming) = (batch = _forming, _flushing);
        Action? completions;
        try
        {
            _log.Append(batch);
        }
        catch (DiskFullException exception)
        {
            RefuseAll(exception, batch.First);
            return;
        }
        catch (Exception exception)
        {
            Fail(exception, batch.First, batch.Last.Next);
            return;
        }

        _batchSizes.Add(batch.Count);
        var next = batch.Last.Next;
        try
        {
            completions = _observer.OnDurable(batch.First, batch.Last);
        }
        catch (Exception exception)
        {
            // The state no longer follows the log. These records are durable; what comes behind them must not be.
            Fail(exception, next, next);
            return;
        }

        bool more;
        lock (_gate)
        {
            batch.Clear();
            more = _busy = !_forming.IsEmpty;
        }

        if (more) _schedule(_flush);
        completions?.Invoke();
    }

    private void RefuseAll(DiskFullException exception, Lsn first)
    {
        lock (_gate)
        {
            _rejecting = true;
            _forming.Clear();
            _flushing.Clear();
        }

        try
        {
            _observer.OnFailed(exception, first, first);
        }
        catch (Exception bug)
        {
            lock (_gate) (_failure, _busy) = (bug, false);
            throw;
        }

        lock (_gate)
        {
            _next = first;
            _rejecting = false;
            _busy = false;
        }
    }

    private void Fail(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged)
    {
        lock (_gate)
        {
            _failure = exception;
            _busy = false;
            _forming.Clear();
            _flushing.Clear();
        }

        _observer.OnFailed(exception, firstNotDurable, firstNotLogged);
    }
}

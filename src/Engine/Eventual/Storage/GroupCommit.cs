using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;

namespace GrainDb.Engine.Eventual;

/// <summary>What one flush adds to a log and to the state behind it.</summary>
internal interface IRecordBatch : IDisposable
{
    /// <summary>The records; may be empty.</summary>
    WalBatch Records { get; }
}

/// <summary>
/// Operations on a state behind a log, in order: what waits is evaluated together, made durable with one write and one sync, then shown and answered. One flush at a time,
/// on a thread that the host gives. Nothing of a batch is visible before all of it is durable, so a failed flush leaves nothing to take back.
/// </summary>
/// <typeparam name="TBatch">What one flush adds.</typeparam>
internal sealed class GroupCommit<TBatch>
    where TBatch : class, IRecordBatch
{
    /// <summary>Bytes of records after which a batch is full.</summary>
    private const int FullBytes = 16 << 20;

    private readonly WriteAheadLog _log;
    private readonly GroupCommitOptions _bounds;
    private readonly Action<Action> _schedule;
    private readonly Func<TBatch> _begin;
    private readonly Action<TBatch> _show;
    private readonly bool _acknowledgesFirst;
    private readonly Lock _gate = new();
    private Queue<LogOperation<TBatch>> _queue = new();
    private long _queuedBytes;
    private bool _busy;
    private bool _closed;
    private TBatch? _unsynced; // only of the deliberate error
    private TaskCompletionSource? _ended;

    /// <param name="log">The log.</param>
    /// <param name="bounds">Of what may wait.</param>
    /// <param name="schedule">Runs a flush on some thread that may wait.</param>
    /// <param name="begin">An empty batch on the durable state.</param>
    /// <param name="show">Makes a durable batch visible.</param>
    /// <param name="acknowledgesFirst">A deliberate error.</param>
    public GroupCommit(WriteAheadLog log, GroupCommitOptions bounds, Action<Action> schedule, Func<TBatch> begin, Action<TBatch> show, bool acknowledgesFirst)
    {
        _log = log;
        _bounds = bounds;
        _schedule = schedule;
        _begin = begin;
        _show = show;
        _acknowledgesFirst = acknowledgesFirst;
    }

    /// <summary>Carries an operation out.</summary>
    /// <param name="operation">What.</param>
    /// <param name="refused">The answer when it cannot even wait: certainly nothing happened.</param>
    public Task<T> RunAsync<T>(LogOperation<TBatch, T> operation, Func<Refusal, T> refused)
    {
        bool start;
        lock (_gate)
        {
            if (Refuse(operation.Bytes) is { } refusal)
                return Task.FromResult(refused(refusal));
            _queue.Enqueue(operation);
            _queuedBytes += operation.Bytes;
            start = !_busy;
            _busy = true;
        }

        if (start)
            _schedule(Flush);
        return operation.Task;
    }

    /// <summary>Takes nothing more; what waits is refused.</summary>
    /// <returns>Completes when no flush is under way any more: from then on the log may be closed.</returns>
    public Task Close()
    {
        Queue<LogOperation<TBatch>> waiting;
        Task ended;
        lock (_gate)
        {
            _closed = true;
            (waiting, _queue) = (_queue, new());
            ended = _busy ? (_ended ??= new()).Task : Task.CompletedTask;
        }

        foreach (var operation in waiting)
            operation.Fail(new ObjectDisposedException(nameof(GroupCommit<TBatch>)));
        return ended;
    }

    private Refusal? Refuse(int bytes) =>
        _closed ? new Refusal("it is closed", IsFull: false)
        : _log.Status == WalStatus.Broken ? new Refusal(_log.StatusReason, IsFull: false)
        : _queue.Count > 0 && (_queue.Count >= _bounds.MaxPendingRecords || _queuedBytes + bytes > _bounds.MaxPendingBytes) ? new Refusal("too much waits for the disk", IsFull: true)
        : null;

    private void Flush()
    {
        List<LogOperation<TBatch>> taken = [];
        SyncLate();
        var batch = _begin();
        try
        {
            while (batch.Records.Bytes.Length < FullBytes && TryDequeue() is { } operation)
            {
                if (TryEvaluate(operation, batch))
                    taken.Add(operation);
            }

            var failure = _acknowledgesFirst ? null : TryAppend(batch);
            if (failure is null)
                _show(batch);
            foreach (var operation in taken)
            {
                if (failure is null)
                    operation.Complete();
                else
                    operation.Fail(failure);
            }
        }
        finally
        {
            if (_acknowledgesFirst)
                _unsynced = batch;
            else
                batch.Dispose();
        }

        bool more;
        TaskCompletionSource? ended;
        lock (_gate)
        {
            more = _busy = _queue.Count > 0;
            ended = _ended;
        }

        if (more)
            _schedule(Flush);
        else
            ended?.TrySetResult();
    }

    /// <summary>The deliberate error: what was acknowledged becomes durable with whatever comes next.</summary>
    private void SyncLate()
    {
        if (_unsynced is not { } late)
            return;
        TryAppend(late);
        late.Dispose();
        _unsynced = null;
    }

    private LogOperation<TBatch>? TryDequeue()
    {
        lock (_gate)
        {
            if (!_queue.TryDequeue(out var operation))
                return null;
            _queuedBytes -= operation.Bytes;
            return operation;
        }
    }

    /// <summary>Stored bytes that nobody can read, or a bug, end the operation that met them, not the others.</summary>
    private static bool TryEvaluate(LogOperation<TBatch> operation, TBatch batch)
    {
        try
        {
            operation.Evaluate(batch);
            return true;
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ArgumentException)
        {
            operation.Fail(exception);
            return false;
        }
    }

    /// <returns>Why it is not durable; null when it is. After anything but a full disk the log is broken for good.</returns>
    private Exception? TryAppend(TBatch batch)
    {
        if (batch.Records.IsEmpty)
            return null;
        try
        {
            _log.Append(batch.Records);
            return null;
        }
        catch (Exception exception) when (exception is DiskFullException or WalBrokenException)
        {
            return exception;
        }
    }
}

/// <summary>Why an operation cannot even wait.</summary>
/// <param name="Reason">Why.</param>
/// <param name="IsFull">Whether only for now: too many wait already.</param>
internal readonly record struct Refusal(string Reason, bool IsFull);

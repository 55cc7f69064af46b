using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// One leader's side of the replicated log: gives records their LSNs, forms batches, sends them to the followers and to the own log in
/// parallel, and knows what is committed. While a batch is on its way everything that is enqueued forms the next one.
/// <para>
/// States: idle; resting (records wait for more to go with them, see <see cref="BatchRest"/>); busy (one batch is on its way); refusing (a full disk was found, the owner takes back what was pending); ended (for good:
/// deposed, failed or stopped).
/// </para>
/// <para>
/// What holds: committed means durable in the own log and on a majority of the voters, and of this epoch (or before a record of it that is). A
/// record is sent only after its room on the own disk is certain. Nobody is sent a second request before the first was answered or given up.
/// After <c>ended</c> nothing is sent any more; what had been sent has an unknown outcome.
/// </para>
/// Peers, leases and membership stand in the other parts of this class.
/// </summary>
#pragma warning disable CA1001 // Its buffers are managed memory, and a flush may still be reading one when leadership is over.
internal sealed partial class ReplicatedLog
#pragma warning restore CA1001
{
    private readonly ReplicaAcceptor _acceptor;
    private readonly IReplicaTransport _transport;
    private readonly ReplicationOptions _options;
    private readonly GroupCommitOptions _bounds;
    private readonly TimeProvider _time;
    private readonly Action<Action> _schedule;
    private readonly IReplicatedLogObserver _observer;
    private readonly Action _flush;
    private readonly BatchRest _rest;
    private readonly ITimer _restTimer;
    private readonly Lsn _start;
    private readonly Epoch _startPrevEpoch;

    // Guards everything that follows. Taken after the replica's gate, never before; no call goes out under it.
    private readonly Lock _gate = new();
    private readonly List<(Lsn Lsn, RangeConfiguration Configuration)> _ownConfigurations = [];
    private WalBatch _forming = new();
    private WalBatch _flushing = new();
    private Timestamp _formingSince;
    private Timestamp _flushingSince;
    private Lsn _next;
    private Lsn _sealed;
    private Lsn _localDurable;
    private Lsn _startCommit;
    private Lsn _commit;
    private Lsn _observed;
    private bool _observing;
    private bool _busy;
    private bool _resting;
    private bool _refusing;
    private long? _atDiskSince;
    private Exception? _ended;

    /// <summary>A leader's log, beginning behind the last record of its own replica.</summary>
    public ReplicatedLog(
        ReplicaAcceptor acceptor,
        IReplicaTransport transport,
        Epoch epoch,
        Candidate candidate,
        Action<Action> schedule,
        TimeProvider time,
        IReplicatedLogObserver observer)
    {
        _acceptor = acceptor;
        _transport = transport;
        _options = acceptor.Options;
        _bounds = acceptor.Replica.Options.GroupCommit;
        _time = time;
        _schedule = schedule;
        _observer = observer;
        _flush = Flush;
        _rest = new BatchRest(_options.LongestBatchRest, time);
        _restTimer = time.CreateTimer(static log => ((ReplicatedLog)log!).OnRested(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _began = time.GetTimestamp();
        Epoch = epoch;
        Candidate = candidate;
        _localDurable = _sealed = acceptor.Replica.Log.LastLsn;
        _start = _next = _sealed.Next;
        _observed = _sealed;
        _startPrevEpoch = acceptor.Replica.Log.LastEpoch;
        _startCommit = acceptor.CommitLsn;
        _configuration = acceptor.Configuration;
        _ownConfigurations.Add((_sealed, _configuration));
        SetPeers();
    }

    public Epoch Epoch { get; }

    public Candidate Candidate { get; }

    /// <summary>The first record of this leadership.</summary>
    public Lsn Start => _start;

    /// <summary>The newest committed record; below <see cref="Start"/> until the first own one is.</summary>
    public Lsn CommitLsn
    {
        get
        {
            lock (_gate)
                return _commit;
        }
    }

    /// <summary>Why leadership is over; null while it is not.</summary>
    public Exception? Ended
    {
        get
        {
            lock (_gate)
                return _ended;
        }
    }

    /// <summary>Enqueues a record. The owner calls it in timestamp order.</summary>
    /// <param name="type">See <see cref="WalRecord"/>.</param>
    /// <param name="timestamp">See <see cref="WalRecord"/>.</param>
    /// <param name="payload">Copied.</param>
    /// <param name="configuration">The configuration that the record brings into force at once; null for none.</param>
    /// <param name="lsn">Its position. The observer may learn of it before this call returns.</param>
    /// <returns>False: a bound is reached, a full disk is being dealt with, or leadership is over. Nothing happened.</returns>
    public bool TryEnqueue(byte type, Timestamp timestamp, ReadOnlySpan<byte> payload, RangeConfiguration? configuration, out Lsn lsn)
    {
        bool start;
        lock (_gate)
        {
            lsn = _next;
            if (_ended is not null || _refusing || !HasRoom(payload.Length))
                return false;
            if (_forming.IsEmpty)
                _formingSince = timestamp;
            _forming.Add(type, flags: 0, Epoch, lsn, timestamp, payload);
            _next = lsn.Next;
            if (configuration is not null)
                UseConfiguration(lsn, configuration);
            start = TryStart();
        }

        if (start)
            _schedule(_flush);
        return true;
    }

    /// <summary>
    /// Decides whether those who wait are to leave now: then the caller schedules the flush. Otherwise the batch that is on its way starts them, or a record that completes their number, or the timer.
    /// The caller holds the gate.
    /// </summary>
    private bool TryStart()
    {
        if (_busy || _forming.IsEmpty || _ended is not null)
            return false;
        var rest = _forming.RecordBytes < _options.MaxAppendBytes ? _rest.For(_forming.Count) : TimeSpan.Zero;
        if (rest > TimeSpan.Zero)
        {
            if (!_resting)
                _restTimer.Change(rest, Timeout.InfiniteTimeSpan);
            _resting = true;
            return false;
        }

        (_busy, _resting) = (true, false);
        return true;
    }

    private void OnRested()
    {
        lock (_gate)
        {
            if (!_resting || _ended is not null)
                return;
            (_busy, _resting) = (true, false);
        }

        _schedule(_flush);
    }

    /// <summary>Ends leadership; the first reason stands. What was sent has an unknown outcome now.</summary>
    public void End(Exception reason)
    {
        Lsn firstNotCommitted;
        Lsn firstNotSent;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            _ended = reason;
            Fence();
            _acceptor.Replica.RetainFrom = new Lsn(ulong.MaxValue);
            firstNotCommitted = _observed.Next;
            firstNotSent = _forming.IsEmpty ? _next : _forming.First;
            _forming.Clear();
        }

        _restTimer.Dispose();
        _observer.OnFailed(reason, firstNotCommitted, firstNotSent);
        CompleteWaiters();
    }

    private bool HasRoom(int payloadBytes)
    {
        var records = _forming.Count + _flushing.Count;
        if (records == 0)
            return true;
        var bytes = (long)_forming.RecordBytes + _flushing.RecordBytes + WalRecordCodec.EncodedBytes(payloadBytes);
        return records < _bounds.MaxPendingRecords && bytes <= _bounds.MaxPendingBytes;
    }

    /// <summary>Sends the formed batch, followers first, and makes it durable here. Blocks for the disk.</summary>
    private void Flush()
    {
        WalBatch batch;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            (_flushing, _forming) = (batch = _forming, _flushing);
            _rest.Left();
            _flushingSince = _formingSince;
            _atDiskSince = _time.GetTimestamp();
        }

        try
        {
            // Before anybody else has it: a record that the own disk cannot take is refused, not undecided.
            _acceptor.EnsureRoom(batch.RecordBytes, isFirst: batch.First == _start && batch.Count == 1);
        }
        catch (DiskFullException exception)
        {
            RefuseAll(exception);
            return;
        }
        catch (Exception exception)
        {
            End(exception);
            return;
        }

        try
        {
            Send(batch);
            if (!_acceptor.TryAppendOwn(batch, Epoch, Candidate, ConfigurationsOf(batch)))
            {
                End(new DeposedException($"the replica follows epoch {_acceptor.Replica.Promise.PromisedEpoch}"));
                return;
            }
        }
        catch (Exception exception)
        {
            End(exception);
            return;
        }

        lock (_gate)
            (_localDurable, _atDiskSince) = (batch.Last, null);
        Progress();
    }

    /// <summary>Shows the batch to the followers.</summary>
    private void Send(WalBatch batch)
    {
        lock (_gate)
        {
            _window.Add(new RecentBatches.Batch(batch.First, batch.Last, batch.Bytes.ToArray()));
            _sealed = batch.Last;
            TrimWindow();
        }

        Pump();
    }

    private (Lsn, RangeConfiguration)[] ConfigurationsOf(WalBatch batch)
    {
        lock (_gate)
            return _ownConfigurations[^1].Lsn < batch.First ? [] : [.. _ownConfigurations.Where(own => own.Lsn >= batch.First && own.Lsn <= batch.Last)];
    }

    /// <summary>
    /// Carries on after anything that may have moved the commit position: tells the owner, starts the next batch, completes waiters. Only one
    /// thread tells the owner at a time; one that finds another at it leaves the rest to it.
    /// </summary>
    private void Progress()
    {
        while (true)
        {
            Lsn first;
            Lsn last;
            lock (_gate)
            {
                AdvanceCommit();
                if (_ended is not null || _observing || _observed >= _commit)
                    break;
                _observing = true;
                (first, last) = (_observed.Next, _commit);
            }

            Action? completions;
            try
            {
                completions = _observer.OnCommitted(first, last);
            }
            catch (Exception exception)
            {
                // The state no longer follows the log. These records are committed; nothing may be built on them here.
                End(exception);
                return;
            }

            if (Observed(last))
                _schedule(_flush);
            completions?.Invoke();
        }

        CompleteWaiters();
    }

    /// <returns>Whether the next batch is to be started.</returns>
    private bool Observed(Lsn last)
    {
        lock (_gate)
        {
            _observing = false;
            _observed = last;
            if (_flushing.IsEmpty || last < _flushing.Last)
                return false;
            _rest.Arrived(_flushing.Count, _forming.Count);
            _flushing.Clear();
            _busy = false;
            return TryStart();
        }
    }

    private void AdvanceCommit()
    {
        var reached = new Lsn(Quorum.Reached(_configuration, MatchOf, _options.Faults));
        if (reached > _localDurable)
            reached = _localDurable;
        if (reached >= _start)
            _commit = reached > _commit ? reached : _commit;
        else if (_options.Has(ReplicationFaults.OldEpochCommit) && reached > _startCommit)
            _acceptor.CommitAndApply(_startCommit = reached);
    }

    private ulong MatchOf(Guid replica) => (replica == _acceptor.Id ? _localDurable : _peers.GetValueOrDefault(replica)?.Match ?? Lsn.Zero).Value;

    /// <summary>The disk is full: nothing of what is pending was sent. Everything derived from it is taken back, and service goes on.</summary>
    private void RefuseAll(DiskFullException exception)
    {
        Lsn first;
        lock (_gate)
        {
            first = _flushing.First;
            _refusing = true;
            _atDiskSince = null;
            _flushing.Clear();
            _forming.Clear();
        }

        _observer.OnFailed(exception, first, first);
        lock (_gate)
        {
            _next = first;
            TakeBackConfigurations(first);
            _refusing = _busy = false;
        }
    }
}

using System.Buffers;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The leader of one range: evaluates conditions in log order, assigns commit timestamps, forms batches, and answers when
/// they are committed.
/// <para>
/// States: created → (<see cref="StartAsync"/>: a quorum promised a higher epoch, the best log is adopted, the epoch's first record is committed)
/// serving → (<see cref="DisposeAsync"/>: nothing new is taken, what was taken finishes, the lease is released) stopped; or → ended, when the range
/// follows another leader or the own log fails. There may be any number of leaders at once; at most one of them gets anything committed.
/// </para>
/// What holds: commit timestamps grow with the LSN and stay above everything that earlier leaders wrote or let be read; a version is readable only
/// after its record is committed; a read at a timestamp waits for every commit at or below it that is on its way, and is answered only if the lease
/// still ran, or a quorum confirmed the epoch, after its value was taken. After a crash everything answered is in a quorum's logs.
/// Reads, evaluation, transactions, starting and stopping stand in the other parts of this class.
/// </summary>
public sealed partial class RangeLeader : IKeyRange, IReplicatedLogObserver, ReplicaAcceptor.IContender, IAsyncDisposable
{
    private static readonly WriteResult Done = new();
    private static readonly TimeSpan OverloadedRetry = TimeSpan.FromSeconds(1);

    private readonly ReplicaAcceptor _acceptor;
    private readonly RangeReplica _replica;
    private readonly IReplicaTransport _transport;
    private readonly RangeLeaderOptions _options;
    private readonly ServedBy _servedBy;
    private readonly RequestRate _rate;
    private readonly Queue<Proposal> _pending = new();
    private readonly ProposalOverlay _overlay = new();
    private readonly ArrayBufferWriter<byte> _payload = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReplicatedLog? _log;
    private int _pendingRecords;
    private Lsn _lastEnqueuedLsn;
    private Timestamp _lastEnqueuedTimestamp;
    private Failure? _refusal;
    private bool _isStarting = true;

    /// <summary>A leader that does not serve yet.</summary>
    public RangeLeader(ReplicaAcceptor acceptor, IReplicaTransport transport, RangeLeaderOptions options)
    {
        ArgumentNullException.ThrowIfNull(acceptor);
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(options);
        _acceptor = acceptor;
        _replica = acceptor.Replica;
        _transport = transport;
        _options = options;
        _servedBy = new ServedBy(options.Region, options.Descriptor.Id, options.Node, ReplicaRole.Leader);
        _rate = new RequestRate(options.Time);
        _feeds = new ChangeProtections(options.Time);
        _protection = new ReadProtection(options.Time);
        Candidate = new Candidate(options.Node, options.Nonce);
        LastCollected = options.Time.GetTimestamp();
        _refusal = Failure.NotApplied(ErrorCode.Unavailable, $"range {Range} has no leader yet");
    }

    /// <summary>The range.</summary>
    public RangeId Range => _options.Descriptor.Id;

    /// <summary>What it leads on.</summary>
    public RangeReplica Replica => _replica;

    /// <summary>Who it is to the replicas.</summary>
    public Candidate Candidate { get; }

    /// <summary>Whether its leadership is over.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Completes when leadership is over, whatever the reason.</summary>
    public Task Ended => _ended.Task;

    /// <summary>The range's descriptor as this leader knows it.</summary>
    public RangeDescriptor Descriptor => _options.Descriptor;

    /// <summary>This leader's epoch; zero before it was elected.</summary>
    public Epoch Epoch => _log?.Epoch ?? Epoch.Zero;

    /// <summary>Decayed requests per second.</summary>
    public double RequestsPerSecond
    {
        get
        {
            lock (_replica.Gate)
                return _rate.PerSecond();
        }
    }

    /// <summary>When garbage was last collected, as a timestamp of the time provider.</summary>
    public long LastCollected { get; private set; }

    /// <summary>How long nobody asked anything. Somebody who waits for a change still asks.</summary>
    public TimeSpan IdleFor
    {
        get
        {
            lock (_replica.Gate)
                return _watchers.Count > 0 ? TimeSpan.Zero : _options.Time.GetElapsedTime(_rate.LastRequest);
        }
    }

    /// <summary>Commits writes together at one timestamp.</summary>
    public ValueTask<WriteResult> WriteAsync(RangeWrite request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_replica.Gate)
        {
            _rate.Count();
            if (Check(request) is { } refused)
                return new(WriteResult.Failed(refused));
            if (request.Level == WriteLevel.Quorum && request.Idempotency is null && !HasPrepared && _log!.HasLease)
                return Evaluate(request);
        }

        return WriteCarefullyAsync(request);
    }

    /// <summary>
    /// A write whose lease ran out is proposed only after a quorum confirmed the epoch; one that meets an intent waits for it; one for all replicas
    /// waits for them afterwards.
    /// </summary>
    private async ValueTask<WriteResult> WriteCarefullyAsync(RangeWrite request)
    {
        var result = await RunAsync(patience => Attempt(request, patience), WriteResult.Failed);
        if (request.Level != WriteLevel.All || result.Failure is not null)
            return result;
        var lsn = _log!.CommitLsn;
        await _log.WaitUntilAsync(() => _log.HaveAll(lsn), request.Patience);
        return result with { Replicas = _log.Votes(lsn) };
    }

    /// <inheritdoc/>
    Action? IReplicatedLogObserver.OnCommitted(Lsn first, Lsn last)
    {
        RangeInstruments.BatchSize.Record((long)(last.Value - first.Value + 1));
        if (first == _log!.Start)
            _acceptor.CommitAndApply(new Lsn(first.Value - 1));
        var answered = new List<Proposal>();
        List<ChangeWatchers.Watcher>? concerned;
        List<TaskCompletionSource>? woken = null;
        try
        {
            lock (_replica.Gate)
            {
                while (_pending.TryPeek(out var proposal) && proposal.Lsn <= last)
                {
                    Apply(proposal);
                    answered.Add(_pending.Dequeue());
                    if (_waiters.Count > 0 && proposal.Transactional is { } record)
                        TakeWaiters(record, woken ??= []);
                }

                _acceptor.NoteOwnCommit(_replica.AppliedLsn);
                concerned = TakeConcernedWatchers();
            }
        }
        catch
        {
            // What was applied is committed and has its answer; the rest learns of the failure from OnFailed.
            CompleteAll(answered);
            throw;
        }

        Wake(concerned, mayWait: true);
        return () =>
        {
            CompleteAll(answered);
            if (woken is not null)
                WakeAll(woken);
        };
    }

    private void Apply(Proposal proposal)
    {
        if (!proposal.HasRecord)
            return;
        _pendingRecords--;
        foreach (var write in proposal.Writes ?? [])
            _overlay.Applied(write, proposal.Timestamp);
        if (proposal.Transactional is { } pending)
            _ahead.Applied(pending);
        if (proposal.Lsn <= _replica.AppliedLsn)
            return; // a successor's commit position came first
        if (proposal.Lsn != _replica.AppliedLsn.Next)
            throw new InvalidDataException($"range {Range}: record {proposal.Lsn} after {_replica.AppliedLsn}");
        if (proposal.Transactional is { } record)
        {
            _replica.Apply(new WalRecord(record.Type, Flags: 0, _log!.Epoch, proposal.Lsn, proposal.Timestamp, record.Payload));
            return;
        }

        foreach (var write in proposal.Writes ?? [])
            ApplyWrite(write, proposal.Timestamp);
        if (!proposal.GcThreshold.IsZero)
            _replica.Store.SetGcThreshold(proposal.GcThreshold);
        _replica.MarkApplied(proposal.Lsn, proposal.Timestamp, changed: proposal.Writes is not null || !proposal.GcThreshold.IsZero);
    }

    private void ApplyWrite(KeyWrite write, Timestamp commit)
    {
        if (write.Kind == WriteKind.Delete)
        {
            _replica.Store.Apply(write.Key.Span, commit, tombstone: true, Timestamp.Zero, default);
            return;
        }

        var header = StoredValue.HeaderLength(write.ContentType);
        var length = header + write.Value.Length;
        var stored = ArrayPool<byte>.Shared.Rent(length);
        StoredValue.WriteHeader(write.ContentType, stored);
        write.Value.CopyTo(stored.AsMemory(header));
        _replica.Store.Apply(write.Key.Span, commit, tombstone: false, RangeWriteCodec.ExpiresAt(write, commit), stored.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(stored);
    }

    /// <summary>Puts one record into the forming batch. Under the gate. Null: refused, see <see cref="WhyNotEnqueued"/>.</summary>
    private Proposal? Enqueue(
        byte type,
        Timestamp timestamp,
        ReadOnlySpan<byte> payload,
        KeyWrite[]? writes,
        WriteResult result,
        Timestamp gcThreshold = default,
        RangeConfiguration? configuration = null,
        TransactionalRecord? transactional = null)
    {
        if (!_log!.TryEnqueue(type, timestamp, payload, configuration, out var lsn))
            return null;
        var proposal = new Proposal(lsn, timestamp, writes, result) { HasRecord = true, GcThreshold = gcThreshold, Transactional = transactional };
        _pending.Enqueue(proposal);
        _pendingRecords++;
        _lastEnqueuedLsn = lsn;
        _lastEnqueuedTimestamp = timestamp;
        return proposal;
    }

    /// <summary>An answer that must wait until everything enqueued so far is durable. Under the gate.</summary>
    private Proposal EnqueueWaiter(WriteResult result)
    {
        var waiter = new Proposal(_lastEnqueuedLsn, _lastEnqueuedTimestamp, writes: null, result);
        _pending.Enqueue(waiter);
        return waiter;
    }

    /// <summary>An answer to a request that repeats a pending one. Under the gate.</summary>
    private Task<WriteResult> EnqueueRepeated(Proposal original, WriteResult result)
    {
        var repeated = new Proposal(original.Lsn, original.Timestamp, writes: null, result) { SharesRecord = true };
        _pending.Enqueue(repeated);
        return repeated.Task;
    }

    private Task WhenPendingIsCommitted() => _pendingRecords == 0 ? Task.CompletedTask : EnqueueWaiter(Done).Task;

    private static void CompleteAll(List<Proposal> proposals)
    {
        foreach (var proposal in proposals)
            proposal.Complete();
    }

    private Failure WhyNotEnqueued() => _refusal ?? Failure.NotApplied(ErrorCode.Overloaded, $"the write queue of range {Range} is full") with
    {
        RetryAfter = OverloadedRetry,
    };
}

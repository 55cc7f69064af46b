using System.Buffers;
using System.Buffers.Binary;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// The leader of one range: evaluates conditions in log order, assigns commit timestamps, forms batches, and answers when
/// they are durable.
/// <para>
/// States: created → (<see cref="StartAsync"/>: a higher epoch is promised durably, its first record is durable) serving →
/// (<see cref="DisposeAsync"/>: nothing new is taken, what was taken finishes) stopped; or → broken when the log fails.
/// One leader at a time uses a replica; a second one on the same node raises the epoch and must first stop the first.
/// </para>
/// What holds: commit timestamps grow with the LSN; a version is readable only after its record is durable; a read at a
/// timestamp waits for every commit at or below it that is on its way. After a crash everything answered is in the log.
/// Reads and evaluation stand in the other parts of this class.
/// </summary>
public sealed partial class RangeLeader : IKeyRange, IGroupCommitObserver, IAsyncDisposable
{
    private static readonly WriteResult Done = new();
    private static readonly TimeSpan OverloadedRetry = TimeSpan.FromSeconds(1);

    private readonly RangeReplica _replica;
    private readonly RangeLeaderOptions _options;
    private readonly ServedBy _servedBy;
    private readonly GroupCommit _groupCommit;
    private readonly RequestRate _rate;
    private readonly Queue<Proposal> _pending = new();
    private readonly ProposalOverlay _overlay = new();
    private readonly ArrayBufferWriter<byte> _payload = new();
    private int _pendingRecords;
    private Lsn _lastEnqueuedLsn;
    private Timestamp _lastEnqueuedTimestamp;
    private Failure? _refusal;
    private bool _isStarting = true;

    /// <summary>A leader that does not serve yet.</summary>
    public RangeLeader(RangeReplica replica, RangeLeaderOptions options)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(options);
        _replica = replica;
        _options = options;
        _servedBy = new ServedBy(options.Region, options.Descriptor.Id, options.Node, ReplicaRole.Leader);
        _groupCommit = new GroupCommit(replica.Log, replica.Options.GroupCommit, options.Schedule, this);
        _rate = new RequestRate(options.Time);
        LastCollected = options.Time.GetTimestamp();
        _refusal = Failure.NotApplied(ErrorCode.Unavailable, $"range {Range} has no leader yet");
    }

    /// <summary>The range.</summary>
    public RangeId Range => _options.Descriptor.Id;

    /// <summary>What it leads on.</summary>
    public RangeReplica Replica => _replica;

    /// <summary>Whether its leadership ended: by <see cref="DisposeAsync"/>, or because the log failed.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The range's descriptor as this leader knows it.</summary>
    public RangeDescriptor Descriptor => _options.Descriptor;

    /// <summary>This leader's epoch; zero before it started.</summary>
    public Epoch Epoch { get; private set; }

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

    /// <summary>How long nobody asked anything.</summary>
    public TimeSpan IdleFor
    {
        get
        {
            lock (_replica.Gate)
                return _options.Time.GetElapsedTime(_rate.LastRequest);
        }
    }

    /// <summary>
    /// Promises itself a higher epoch, durably, then makes the epoch's first record durable. Only then does it serve.
    /// </summary>
    /// <returns>Why it does not serve; null when it does.</returns>
    public async Task<Failure?> StartAsync()
    {
        Proposal start;
        lock (_replica.Gate)
        {
            var promised = _replica.Promise.PromisedEpoch;
            var logged = _replica.Log.LastEpoch;
            Epoch = (promised > logged ? promised : logged).Next;
            try
            {
                _replica.WritePromise(_replica.Promise with { PromisedEpoch = Epoch, PromisedNode = _options.Node, PromisedNonce = _options.Nonce });
            }
            catch (Exception exception) when (exception is IOException or WalBrokenException)
            {
                return _refusal = Refusal(exception);
            }

            var now = _replica.Clock.Now();
            Span<byte> lowWater = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(lowWater, now.Value);
            if (Enqueue(RangeRecordType.LeaderStart, now, lowWater, null, Done) is not { } proposal)
                return WhyNotEnqueued();
            start = proposal;
        }

        var started = await start.Task;
        if (started.Failure is { } failure)
            return failure;
        lock (_replica.Gate)
        {
            if (_isStarting)
                _refusal = null;
            _isStarting = false;
            return _refusal;
        }
    }

    /// <summary>Takes nothing new, waits until everything taken is answered. The replica may then be given to another leader.</summary>
    public async ValueTask DisposeAsync()
    {
        Task drained;
        lock (_replica.Gate)
        {
            IsStopped = true;
            _refusal ??= Failure.NotApplied(ErrorCode.RangeMoved, $"range {Range} changes its leader");
            drained = WhenPendingIsDurable();
        }

        await drained;

        // The flush that answered the last waiter is still on its way out; nothing new can begin.
        while (!_groupCommit.IsIdle)
            await Task.Yield();
        _groupCommit.Dispose();
    }

    /// <summary>Commits writes together at one timestamp.</summary>
    public ValueTask<WriteResult> WriteAsync(RangeWrite request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_replica.Gate)
        {
            _rate.Count();
            return Check(request) is { } refused ? new(WriteResult.Failed(refused)) : Evaluate(request.Writes);
        }
    }

    /// <summary>Raises the GC threshold through the log; lower values change nothing.</summary>
    /// <param name="threshold">Below this node's clock: versions are only ever written above the threshold.</param>
    /// <returns>The threshold in force.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threshold"/> is not in the past.</exception>
    public async Task<Timestamp> RaiseGcThresholdAsync(Timestamp threshold)
    {
        Proposal? proposal;
        lock (_replica.Gate)
        {
            LastCollected = _options.Time.GetTimestamp();
            if (_refusal is not null || threshold <= _replica.Store.GcThreshold)
                return _replica.Store.GcThreshold;
            var now = _replica.Clock.Now();
            if (threshold >= now)
                throw new ArgumentOutOfRangeException(nameof(threshold), threshold, $"must be below the clock, {now}");
            Span<byte> payload = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(payload, threshold.Value);
            proposal = Enqueue(RangeRecordType.GcThreshold, now, payload, null, Done, threshold);
        }

        if (proposal is not null)
            await proposal.Task;
        lock (_replica.Gate)
            return _replica.Store.GcThreshold;
    }

    /// <summary>Collects what the threshold freed, looking at no more than <paramref name="maxKeys"/> keys.</summary>
    /// <returns>Whether the pass is complete.</returns>
    public bool CollectGarbageSlice(int maxKeys)
    {
        lock (_replica.Gate)
            return _replica.Store.CollectSlice(maxKeys).PassComplete;
    }

    /// <summary>Whether another pass has something to do.</summary>
    public bool HasGarbage
    {
        get
        {
            lock (_replica.Gate)
                return _replica.Store.CollectionPending;
        }
    }

    /// <inheritdoc/>
    Action? IGroupCommitObserver.OnDurable(Lsn first, Lsn last)
    {
        RangeInstruments.BatchSize.Record((long)(last.Value - first.Value + 1));
        var answered = new List<Proposal>();
        try
        {
            lock (_replica.Gate)
            {
                while (_pending.TryPeek(out var proposal) && proposal.Lsn <= last)
                {
                    Apply(proposal);
                    answered.Add(_pending.Dequeue());
                }
            }
        }
        catch
        {
            // What was applied is durable and has its answer; the rest learns of the failure from OnFailed.
            CompleteAll(answered);
            throw;
        }

        return () => CompleteAll(answered);
    }

    private void Apply(Proposal proposal)
    {
        if (!proposal.HasRecord)
            return;
        foreach (var write in proposal.Writes ?? [])
        {
            ApplyWrite(write, proposal.Timestamp);
            _overlay.Applied(write, proposal.Timestamp);
        }

        if (!proposal.GcThreshold.IsZero)
            _replica.Store.SetGcThreshold(proposal.GcThreshold);
        _pendingRecords--;
        _replica.MarkApplied(proposal.Lsn, changed: proposal.Writes is not null || !proposal.GcThreshold.IsZero);
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
        Timestamp gcThreshold = default)
    {
        Lsn lsn;
        try
        {
            if (!_groupCommit.TryEnqueue(type, flags: 0, Epoch, timestamp, payload, out lsn))
                return null;
        }
        catch (WalBrokenException exception)
        {
            // The log failed a moment ago; what was pending is about to be told.
            _refusal = Refusal(exception);
            return null;
        }

        var proposal = new Proposal(lsn, timestamp, writes, result) { HasRecord = true, GcThreshold = gcThreshold };
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

    private Task WhenPendingIsDurable() => _pendingRecords == 0 ? Task.CompletedTask : EnqueueWaiter(Done).Task;

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

using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// One replica as candidates and leaders see it: it promises, appends, grants leases and applies what is committed. See
/// docs/protocols/replication.md for the steps.
/// <para>
/// States, durable in the hard state: member (promises and acknowledges) or recovering (takes data, and neither promises nor acknowledges
/// until it holds everything up to the LSN that a confirmed leader names). Volatile: the lease granted, the largest lease timestamp,
/// the commit position; a restarted replica makes up for having forgotten them by promising nothing for a lease and the largest clock offset.
/// </para>
/// <para>
/// What holds: whatever an answer says is durable before it is given. No promise and no append of an epoch below the promised one. What is
/// applied is committed, and is never truncated. After a crash the promise and the log are as they were last answered.
/// </para>
/// Every call blocks for its disk work. Calls may come from several threads; they take turns. Appending, snapshots and reading stand in the other
/// parts of this class. Source: Raft (Ongaro, 2014) with a leader suggested from outside, and leases as in its section 6.4.1.
/// </summary>
public sealed partial class ReplicaAcceptor : IDisposable
{
    // One at a time for everything that changes the log's end or the hard state. Taken before the replica's gate, never after.
    private readonly Lock _turn = new();
    private readonly ReplicationOptions _options;
    private readonly TimeProvider _time;
    private readonly bool _mayHaveGranted;
    private readonly ClosedTimestamps _closed = new(); // under the replica's gate
    private readonly LeaseMemory _leases;
    private Lsn _commit;
    private IContender? _contender;
    private bool _disposed;

    /// <summary>A replica that begins to take part.</summary>
    /// <param name="replica">Its durable state.</param>
    /// <param name="options">Times and bounds.</param>
    /// <param name="time">The monotonic clock.</param>
    /// <param name="leases">What this replica granted since the process began, under an earlier acceptor of it.</param>
    public ReplicaAcceptor(RangeReplica replica, ReplicationOptions options, TimeProvider time, LeaseMemory leases)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(leases);
        Replica = replica;
        _leases = leases;
        _options = options;
        _time = time;
        _commit = replica.AppliedLsn;

        // One that never promised and never took a record cannot have granted anything.
        _mayHaveGranted = replica.Promise.PromisedEpoch > Epoch.Zero;
    }

    /// <summary>Somebody on this node who stands or leads, to be told when the replica follows somebody else.</summary>
    internal interface IContender
    {
        /// <summary>Who it is.</summary>
        Candidate Candidate { get; }

        /// <summary>Whether a quorum has lately followed it: then its own replica does not turn to others either.</summary>
        bool HasLease { get; }

        /// <summary>From now on it neither serves on its lease nor counts its own replica. Quick and without locks: called in the replica's turn.</summary>
        void Fence();

        /// <summary>The replica promised to, or follows, somebody else. Called without a lock, on any thread.</summary>
        void OnDeposed(Epoch by);
    }

    /// <summary>The replica's durable state.</summary>
    public RangeReplica Replica { get; }

    /// <summary>Its id.</summary>
    public Guid Id => Replica.Options.Incarnation;

    /// <summary>Whether it takes data without a vote, because it may have forgotten something.</summary>
    public bool IsRecovering => Replica.Promise.ReplicaState == (byte)ReplicaState.Recovering;

    /// <summary>The newest configuration in its log, committed or not.</summary>
    public RangeConfiguration Configuration
    {
        get
        {
            lock (Replica.Gate)
                return Replica.Configurations.Current;
        }
    }

    /// <summary>What it knows to be committed.</summary>
    public Lsn CommitLsn
    {
        get
        {
            lock (Replica.Gate)
                return _commit;
        }
    }

    /// <summary>No commit at or below it can appear any more in what it has applied or will apply. Below every intent that is undecided here; zero while these are not loaded.</summary>
    public Timestamp Closed
    {
        get
        {
            lock (Replica.Gate)
                return BelowIntents(_closed.Closed);
        }
    }

    /// <summary>
    /// The newest snapshot that is complete in what is applied here: no commit at or below it can appear any more. The largest closed or applied timestamp, below every intent that is
    /// undecided here: it may become a version at its prepare timestamp or later. Only grows, but for a restart; zero until the state is loaded.
    /// </summary>
    public Timestamp NewestSnapshot
    {
        get
        {
            lock (Replica.Gate)
                return BelowIntents(Timestamp.Later(_closed.Closed, Replica.AppliedTimestamp));
        }
    }

    /// <summary>The node of the leader that it last followed or promised to; empty before the first.</summary>
    public string LeaderNode => Replica.Promise.PromisedNode;

    /// <summary>How long no leader was heard of.</summary>
    public TimeSpan SilentFor => _time.GetElapsedTime(_leases.LastHeard);

    /// <summary>Whether a leader was heard of that has not said since that it stops.</summary>
    public bool ExpectsLeader { get; private set; }

    /// <summary>The node that the leader asked to lead next when it stopped; empty when it asked none, or somebody leads since.</summary>
    public string Heir { get; private set; } = "";

    /// <summary>How long ago the lease that was granted last ended; not positive while it runs.</summary>
    public TimeSpan LeaseOverFor => _time.GetElapsedTime(_leases.Until);

    /// <summary>Times and bounds.</summary>
    public ReplicationOptions Options => _options;

    /// <summary>Promises to accept no lower epoch, unless somebody else's lease is running. Durable when it returns. A trial changes nothing.</summary>
    /// <exception cref="WalBrokenException">The promise cannot be written: the replica is broken.</exception>
    public PromiseAnswer Promise(PromiseRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        IContender? deposed;
        PromiseAnswer answer;
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (WhyNotPromise(request) is { } refusal)
                return refusal;
            if (request.IsTrial)
                return Granted();
            RecordPromise(request.Epoch, request.Candidate);
            deposed = TakeDeposed(request.Candidate);
            answer = Granted();
        }

        deposed?.OnDeposed(request.Epoch);
        return answer;
    }

    /// <summary>A leader stopped: its lease need not be waited for. Ignored unless its epoch is the promised one.</summary>
    public void Release(ReleaseNotice notice)
    {
        ArgumentNullException.ThrowIfNull(notice);
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            TryRelease(notice);
        }
    }

    /// <summary>The same, also for one that is closed by now: what it granted outlives it.</summary>
    internal void TryRelease(ReleaseNotice notice)
    {
        lock (_turn)
        {
            if (notice.Replica != Id || (notice.Epoch != Replica.Promise.PromisedEpoch && !_options.Has(ReplicationFaults.AnyRelease)))
                return;
            ExpectsLeader = false;
            Heir = notice.Heir;
            _leases.Holder = Candidate.None;
            _leases.Until = _time.GetTimestamp();
            _leases.IsReleased = true;
            _leases.MaxLeaseTimestamp = notice.LowWater;
        }
    }

    /// <summary>
    /// Names the one on this node who stands or leads from now on. Another one that did is over: the replica is about to promise itself
    /// to this one, and a leader whose own replica does not stand by it may neither serve on its lease nor close time.
    /// </summary>
    internal void SetContender(IContender contender)
    {
        IContender? deposed;
        lock (_turn)
        {
            deposed = TakeDeposed(contender.Candidate);
            _contender = contender;
        }

        deposed?.OnDeposed(Replica.Promise.PromisedEpoch.Next);
    }

    /// <summary>Takes this one's name away, if it is still there.</summary>
    internal void ClearContender(IContender contender)
    {
        lock (_turn)
        {
            if (_contender == contender)
                _contender = null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_turn)
        {
            // Whoever waits for its turn must find that out: another acceptor may be opened on these files.
            _disposed = true;
            _install?.Dispose();
            Replica.Dispose();
        }
    }

    /// <summary>A promise that is not one, for a deliberate error.</summary>
    internal PromiseAnswer Peek()
    {
        lock (_turn)
            return Granted();
    }

    /// <summary>For the same deliberate error: the promise, late and whatever was promised meanwhile.</summary>
    internal void ForcePromise(Epoch epoch, Candidate candidate)
    {
        lock (_turn)
            RecordPromise(epoch, candidate);
    }

    private PromiseAnswer Granted() => Answer(PromiseOutcome.Granted) with
    {
        LastEpoch = Replica.Log.LastEpoch,
        LastLsn = Replica.Log.LastLsn,
        CommitLsn = CommitLsn,
        MaxLeaseTimestamp = _leases.MaxLeaseTimestamp,
        Closed = ClosedByLeader(),
    };

    /// <summary>Whatever may be read here once the intents are resolved: a successor begins above it.</summary>
    private Timestamp ClosedByLeader()
    {
        lock (Replica.Gate)
            return _closed.Closed;
    }

    private Timestamp BelowIntents(Timestamp snapshot)
    {
        if (!Replica.IsLoaded)
            return Timestamp.Zero; // what is undecided is still on the disk
        return Replica.Transactions.Prepared.Oldest is { } oldest && oldest <= snapshot && !_options.Has(TransactionFaults.ForgetIntentInClosed)
            ? oldest.Previous
            : snapshot;
    }

    private PromiseAnswer? WhyNotPromise(PromiseRequest request)
    {
        if (request.Replica != Id)
            return Answer(PromiseOutcome.UnknownReplica);
        if ((IsRecovering && !_options.Has(ReplicationFaults.RecoveringVotes)) || Replica.Log.Status == WalStatus.Broken)
            return Answer(PromiseOutcome.Recovering);
        if (!Replica.Clock.TryReceive(request.Clock))
            return Answer(PromiseOutcome.Unable);
        var promise = Replica.Promise;
        if (request.Epoch < promise.PromisedEpoch || (request.Epoch == promise.PromisedEpoch && Promised != request.Candidate))
            return Answer(PromiseOutcome.HigherEpoch);
        var now = _time.GetTimestamp();
        if (_leases.Holder != request.Candidate && now < _leases.Until && !_options.Has(ReplicationFaults.ForgetLease))
            return Answer(PromiseOutcome.LeaseRunning) with { LeaseRemaining = _time.GetElapsedTime(now, _leases.Until) };
        if (_contender is { HasLease: true } leader && leader.Candidate != request.Candidate && !_options.Has(ReplicationFaults.ForgetLease))
            return Answer(PromiseOutcome.LeaseRunning) with { LeaseRemaining = _options.LeaseDuration };
        var quietUntil = After(_leases.ProcessStarted, RestartWait);
        if (_mayHaveGranted && !_leases.IsReleased && now < quietUntil && !_options.Has(ReplicationFaults.NoRestartWait))
            return Answer(PromiseOutcome.Restarted) with { LeaseRemaining = _time.GetElapsedTime(now, quietUntil) };
        return null;
    }

    /// <summary>
    /// How long after the beginning of its process a replica that may have granted something promises nothing: until what the process before it granted is over, and the wall clock is
    /// past every snapshot that was read. The log holds timestamps of writes only, and a snapshot may lie ahead of the wall clock by as much as one clock may be ahead of another, in the
    /// same millisecond with a higher count.
    /// </summary>
    private TimeSpan RestartWait => Replica.Clock.MaxOffset + (IsAlone ? TimeSpan.FromMilliseconds(1) : _options.LeaseDuration);

    /// <summary>The only voter, whose last leader ran in this node's process: nobody else can hold a grant of it.</summary>
    private bool IsAlone
    {
        get
        {
            var configuration = Configuration;
            return configuration is { IsJoint: false, Voters: [var only] } && only.Id == Id && Replica.Promise.PromisedNode == only.Node;
        }
    }

    private Candidate Promised => new(Replica.Promise.PromisedNode, Replica.Promise.PromisedNonce);

    private PromiseAnswer Answer(PromiseOutcome outcome) =>
        new() { Outcome = outcome, PromisedEpoch = Replica.Promise.PromisedEpoch, Clock = Replica.Clock.Last };

    /// <summary>Makes the promise durable where it is news.</summary>
    private void RecordPromise(Epoch epoch, Candidate candidate)
    {
        if (Replica.Promise.PromisedEpoch != epoch || Promised != candidate)
            Replica.WritePromise(Replica.Promise with { PromisedEpoch = epoch, PromisedNode = candidate.Node, PromisedNonce = candidate.Nonce });
    }

    /// <summary>The local contender, when it is not the one that the replica now belongs to.</summary>
    private IContender? TakeDeposed(Candidate follows)
    {
        if (_contender is not { } contender || contender.Candidate == follows)
            return null;
        _contender = null;
        contender.Fence(); // before anybody hears of the promise, also by another call
        return contender;
    }

    private long After(long timestamp, TimeSpan span) => timestamp + (long)(span.TotalSeconds * _time.TimestampFrequency);
}

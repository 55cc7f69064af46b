using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// Leases, confirmations and closed timestamps. The leader's lease counts from the sending of the quorum-th newest acknowledged request, and ends
/// before any of the followers' grants, which count from its receipt. Monotonic clocks only.
/// </summary>
internal sealed partial class ReplicatedLog
{
    private readonly List<Waiter> _waiters = [];
    private readonly long _began;
    private volatile bool _fenced;
    private long _leaseUntil = long.MinValue;
    private ulong _readableUntil;
    private long _confirmAfter = -1;
    private (Timestamp Closed, Lsn After) _closed;

    private sealed class Waiter(Func<bool> condition, long until) : TaskCompletionSource<bool>
    {
        public Func<bool> Condition { get; } = condition;

        public long Until { get; } = until;
    }

    /// <summary>
    /// Whether a value that was taken at or below <paramref name="at"/> before this call may be answered: nobody else can have led meanwhile, and a
    /// successor will begin above that timestamp. Lock-free.
    /// </summary>
    public bool MayAnswer(Timestamp at) =>
        _options.Has(ReplicationFaults.ReadWithoutLease)
        || (HasLease && at.Value <= Volatile.Read(ref _readableUntil));

    /// <summary>Whether the lease is running.</summary>
    public bool HasLease => _time.GetTimestamp() < Volatile.Read(ref _leaseUntil) && !_fenced;

    /// <summary>The own replica turned to somebody else: nothing is served on the lease and nothing confirmed any more. Lock-free, for good.</summary>
    public void Fence() => _fenced = true;

    /// <summary>How long the lease has been over; zero while it runs.</summary>
    public TimeSpan UnconfirmedFor
    {
        get
        {
            var until = Volatile.Read(ref _leaseUntil);
            var now = _time.GetTimestamp();
            return now < until ? TimeSpan.Zero : _time.GetElapsedTime(Math.Max(until, _began), now);
        }
    }

    /// <summary>Whether a quorum has promised that a successor begins above a timestamp.</summary>
    public bool IsReadable(Timestamp at) => at.Value <= Volatile.Read(ref _readableUntil);

    /// <summary>
    /// Asks a quorum whether this epoch still stands: true when requests sent after this call were acknowledged by one. One round serves all who ask
    /// before it is sent.
    /// </summary>
    public Task<bool> ConfirmAsync()
    {
        long asked;
        lock (_gate)
        {
            asked = _sendNumber;
            _confirmAfter = Math.Max(_confirmAfter, asked);
        }

        var confirmed = WaitUntilAsync(() => IsConfirmed(asked, without: Guid.Empty), _options.ConfirmTimeout);
        _schedule(Pump);
        return confirmed;
    }

    /// <summary>Completes with true when a condition on the peers holds, with false when the time is up or leadership ends.</summary>
    /// <param name="condition">Asked under the lock: quick, and without effects.</param>
    /// <param name="patience">Looked at on ticks.</param>
    public Task<bool> WaitUntilAsync(Func<bool> condition, TimeSpan patience)
    {
        lock (_gate)
        {
            if (_ended is not null)
                return Task.FromResult(false);
            if (condition())
                return Task.FromResult(true);
            var waiter = new Waiter(condition, After(patience));
            _waiters.Add(waiter);
            return waiter.Task;
        }
    }

    /// <summary>Time passes: heartbeats, second attempts, closed timestamps. The host calls it several times per heartbeat interval.</summary>
    public void Tick()
    {
        if (IsDiskStalled())
        {
            // On a thread of its own: the batch keeps the own replica's turn, which the end of leadership may have to wait for.
            _schedule(() => End(new TimeoutException($"the own disk has not taken a batch for {_options.MaxDiskStall.TotalSeconds:0} s")));
            return;
        }

        CloseTimestamps();
        RetainLog();
        Pump();
        Progress();
    }

    private bool IsDiskStalled()
    {
        lock (_gate)
            return _ended is null && _peers.Count > 0 && _atDiskSince is { } since && _time.GetElapsedTime(since) > _options.MaxDiskStall;
    }

    /// <summary>The log keeps, up to a bound, what a peer that answers still lacks; one that is silent, or too far behind, gets a snapshot.</summary>
    private void RetainLog()
    {
        var bound = _acceptor.Replica.Log.FirstWithin(_options.MaxRetainedBytes);
        lock (_gate)
        {
            if (_ended is not null)
                return;
            var slowest = _sealed.Next;
            foreach (var peer in _peers.Values)
            {
                if (!peer.IsLost && peer.Next < slowest && peer.HeardAt != 0 && _time.GetElapsedTime(peer.HeardAt) < _options.RetainFor)
                    slowest = peer.Next;
            }

            _acceptor.Replica.RetainFrom = Max(slowest, bound);
        }
    }

    /// <summary>What every voter is known to have, as of now.</summary>
    public List<ReplicaVote> Votes(Lsn lsn)
    {
        lock (_gate)
        {
            return
            [
                .. _configuration.Members.Select(member =>
                {
                    var match = new Lsn(MatchOf(member.Id));
                    var failed = _peers.GetValueOrDefault(member.Id) is { LastOutcome: not (null or AppendOutcome.Accepted) };
                    return new ReplicaVote(member.Node, match >= lsn ? ReplicaReply.Ok : failed ? ReplicaReply.Error : ReplicaReply.Timeout, match);
                }),
            ];
        }
    }

    /// <summary>Whether every voter has everything up to an LSN. Under the lock.</summary>
    public bool HaveAll(Lsn lsn) => _configuration.Members.All(member => MatchOf(member.Id) >= lsn.Value);

    private void RenewLease()
    {
        var sentAt = (long)Quorum.Reached(_configuration, id => id == _acceptor.Id ? long.MaxValue : (ulong)(_peers.GetValueOrDefault(id)?.AckedAt ?? 0), _options.Faults);
        var length = (long)((_options.LeaseDuration - _options.DriftMargin).TotalSeconds * _time.TimestampFrequency);
        Volatile.Write(ref _leaseUntil, sentAt == 0 ? long.MinValue : sentAt > long.MaxValue - length ? long.MaxValue : sentAt + length);
        Volatile.Write(
            ref _readableUntil,
            Quorum.Reached(_configuration, id => id == _acceptor.Id ? ulong.MaxValue : _peers.GetValueOrDefault(id)?.AckedLease.Value ?? 0, _options.Faults));
    }

    private bool IsConfirmed(long asked, Guid without) => !_fenced && Quorum.IsReached(
        _configuration,
        id => id != without && (id == _acceptor.Id || _peers.GetValueOrDefault(id)?.AckedNumber > asked),
        _options.Faults);

    /// <summary>
    /// Closes time a little behind the clock. Under the replica's gate nobody is between drawing a timestamp and enqueueing its record: so
    /// whatever comes behind the last enqueued record is above the clock. Never beyond what a quorum keeps a successor above.
    /// </summary>
    private void CloseTimestamps()
    {
        lock (_acceptor.Replica.Gate)
        {
            lock (_gate)
            {
                if (_ended is not null || _commit < _start)
                    return;
                var now = _acceptor.Replica.Clock.Now();
                var lag = (long)_options.ClosedLag.TotalMilliseconds;
                var closed = now.Milliseconds <= lag ? Timestamp.Zero : Timestamp.FromParts(now.Milliseconds - lag, 0);
                if (closed.Value > _readableUntil)
                    closed = new Timestamp(_readableUntil);
                _closed = (closed, new Lsn(_next.Value - 1));
            }

            _acceptor.NoteOwnClosed(_closed.After, _closed.Closed);
        }
    }

    /// <summary>What is closed once everything up to <paramref name="last"/> is applied: nothing below a record that comes later. Under the lock.</summary>
    private Timestamp ClosedAfter(Lsn last)
    {
        if (last >= _closed.After || _options.Has(ReplicationFaults.CloseTooEarly))
            return _closed.Closed;
        if (last != _sealed)
            return Timestamp.Zero;
        var behind = !_flushing.IsEmpty && _flushing.First > _sealed ? _flushingSince : _formingSince;
        return behind.Previous < _closed.Closed ? behind.Previous : _closed.Closed;
    }

    /// <summary>Completes, without the lock, whoever waits for something that holds now, or waits in vain.</summary>
    private void CompleteWaiters()
    {
        List<(Waiter Waiter, bool Holds)>? done = null;
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            for (var i = _waiters.Count - 1; i >= 0; i--)
            {
                var waiter = _waiters[i];
                var holds = _ended is null && waiter.Condition();
                if (!holds && _ended is null && now < waiter.Until)
                    continue;
                _waiters.RemoveAt(i);
                (done ??= []).Add((waiter, holds));
            }
        }

        // On a thread of their own: whoever waited must hold up neither ticks nor answers.
        if (done is not null)
            _schedule(() => done.ForEach(waiter => waiter.Waiter.SetResult(waiter.Holds)));
    }
}

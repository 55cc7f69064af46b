using GrainDb.Engine.Ranges;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Appending: what a leader sends, and what this node's own one writes.</summary>
public sealed partial class ReplicaAcceptor
{
    /// <summary>Bytes of records that may take of the reserve of a full disk because a leader's first record is the last of them.</summary>
    private const int ReserveBytes = 4096;

    private readonly WalBatch _batch = new();
    private Guid _recovery = Guid.Empty;
    private int _impatient; // who waits for the turn and will not for long
    private ReadOnlyMemory<byte> _unsynced; // only of a deliberate error

    /// <summary>
    /// Appends what a leader sends, makes it durable, and grants the leader a lease. What it says to be committed is applied by <see cref="ApplyCommitted"/>,
    /// which the host calls when the answer has left: nobody's commit waits for another's state, but for a slice of it.
    /// </summary>
    /// <exception cref="WalBrokenException">The log failed: the replica is broken.</exception>
    /// <exception cref="InvalidDataException">The leader's records contradict what is committed here. The range must stop.</exception>
    public AppendAnswer Append(AppendRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        IContender? deposed;
        AppendAnswer answer;
        lock (_turn)
            answer = Append(request, out deposed);
        deposed?.OnDeposed(request.Epoch);
        return answer;
    }

    /// <summary>The same, where the replica's turn comes within <paramref name="patience"/>.</summary>
    /// <returns>Null: something else takes long; nothing happened.</returns>
    /// <exception cref="WalBrokenException">The log failed: the replica is broken.</exception>
    /// <exception cref="InvalidDataException">The leader's records contradict what is committed here. The range must stop.</exception>
    public AppendAnswer? TryAppend(AppendRequest request, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!TryEnter(patience))
            return null;
        IContender? deposed;
        AppendAnswer answer;
        try
        {
            answer = Append(request, out deposed);
        }
        finally
        {
            _turn.Exit();
        }

        deposed?.OnDeposed(request.Epoch);
        return answer;
    }

    private bool TryEnter(TimeSpan patience)
    {
        if (patience <= TimeSpan.Zero)
            return _turn.TryEnter();
        Interlocked.Increment(ref _impatient);
        try
        {
            return _turn.TryEnter(patience);
        }
        finally
        {
            Interlocked.Decrement(ref _impatient);
        }
    }

    private AppendAnswer Append(AppendRequest request, out IContender? deposed)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Follow(request.Replica, request.Epoch, request.Leader, request.Clock, out deposed) is { } refusal)
            return Answer(refusal);
        Grant(request);
        return AppendInTurn(request);
    }

    /// <summary>
    /// Makes a batch of this node's own leader or candidate durable.
    /// </summary>
    /// <returns>False: the replica belongs to somebody else by now; nothing was written.</returns>
    internal bool TryAppendOwn(WalBatch batch, Epoch epoch, Candidate candidate, (Lsn Lsn, RangeConfiguration Configuration)[] configurations)
    {
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!StandsBy(epoch, candidate))
                return false;
            Replica.Log.Append(batch);
            foreach (var (lsn, configuration) in configurations)
            {
                lock (Replica.Gate)
                    Replica.Configurations.Append(lsn, configuration);
            }

            return true;
        }
    }

    /// <summary>Everything of an own append that can meet a full disk.</summary>
    /// <param name="recordBytes">Bytes of its records.</param>
    /// <param name="isFirst">Whether it is the first record of a leader and nothing else: a full disk is to be read from all the same.</param>
    internal void EnsureRoom(int recordBytes, bool isFirst)
    {
        lock (_turn)
        {
            if (isFirst)
                Replica.Log.EnsureRoomFromReserve(recordBytes);
            else
                Replica.Log.EnsureRoom(recordBytes);
        }
    }

    /// <summary>Takes records of the best log over into this one, for a candidate on this node.</summary>
    /// <returns>The last record that was taken over; null: the replica belongs to somebody else, or the records do not follow here.</returns>
    internal Lsn? TryAdopt(Epoch epoch, Candidate candidate, Lsn prev, Epoch prevEpoch, ReadOnlyMemory<byte> records)
    {
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!StandsBy(epoch, candidate) || Replica.Log.LastLsn < prev || !Replica.Log.TryGetEpoch(prev, out var here) || here != prevEpoch)
                return null;
            return _options.Has(ReplicationFaults.UnfencedFetch) || LogWindow.ProblemOf(records, prev, epoch) is null ? Merge(prev, records) : null;
        }
    }

    /// <summary>Records of this replica's log, while its promise is still this candidate's.</summary>
    public FetchAnswer Fetch(FetchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var stands = _options.Has(ReplicationFaults.UnfencedFetch) || StandsBy(request.Epoch, request.Candidate);
            if (request.Replica != Id || !stands)
                return new FetchAnswer { IsServed = false };
            var log = Replica.Log;
            if (request.From < log.FirstLsn || !log.TryGetEpoch(new Lsn(request.From.Value - 1), out var prevEpoch))
                return new FetchAnswer { IsServed = true, IsTruncated = true };
            return new FetchAnswer { IsServed = true, PrevEpoch = prevEpoch, Records = LogWindow.Read(log, request.From, request.MaxBytes) };
        }
    }

    private bool StandsBy(Epoch epoch, Candidate candidate) => Replica.Promise.PromisedEpoch == epoch && Promised == candidate;

    /// <summary>Accepts the sender as the leader of its epoch; otherwise says why not.</summary>
    private AppendOutcome? Follow(Guid replica, Epoch epoch, Candidate leader, Timestamp clock, out IContender? deposed)
    {
        deposed = null;
        if (replica != Id)
            return AppendOutcome.UnknownReplica;
        if (epoch < Replica.Promise.PromisedEpoch && !_options.Has(ReplicationFaults.SkipEpochCheck))
            return AppendOutcome.Refused;
        if (!Replica.Clock.TryReceive(clock))
            return AppendOutcome.Unable;
        if (epoch >= Replica.Promise.PromisedEpoch)
            RecordPromise(epoch, leader);
        deposed = TakeDeposed(leader);
        return null;
    }

    private void Grant(AppendRequest request)
    {
        var now = _time.GetTimestamp();
        _leases.Holder = request.Leader;
        _leases.Until = After(now, _options.LeaseDuration);
        _leases.MaxLeaseTimestamp = Timestamp.Later(_leases.MaxLeaseTimestamp, request.LeaseTimestamp);
        _leases.LastHeard = now;
        ExpectsLeader = true;
        Heir = "";
    }

    private AppendAnswer AppendInTurn(AppendRequest request)
    {
        SyncLate();
        var log = Replica.Log;
        if (Replica.BrokenReason is { } broken)
            throw new WalBrokenException(broken, null);
        if (request.HasForgotten && !IsRecovering)
            GiveVoteUp();
        if (LogWindow.ProblemOf(request.Records, request.PrevLsn, request.Epoch) is { } problem)
            return Answer(AppendOutcome.Unable) with { Detail = problem };
        if (request.PrevLsn > log.LastLsn)
            return Answer(AppendOutcome.Gap) with { NextLsn = log.LastLsn.Next };
        if (!log.TryGetEpoch(request.PrevLsn, out var here))
            return Answer(AppendOutcome.Gap) with { NextLsn = CommitLsn.Next }; // the log begins later, and before it all is committed
        if (here != request.PrevEpoch)
            return Answer(AppendOutcome.Conflict) with { NextLsn = CommitLsn.Next };
        Lsn verified;
        try
        {
            verified = Merge(request.PrevLsn, request.Records);
        }
        catch (DiskFullException exception)
        {
            return Answer(AppendOutcome.Unable) with { Detail = exception.Message };
        }

        _closed.Add(verified, request.Closed);
        lock (Replica.Gate)
        {
            var bound = _options.Has(ReplicationFaults.CommitUnverified) ? log.LastLsn : verified;
            var commit = request.CommitLsn < bound ? request.CommitLsn : bound;
            if (commit > _commit)
                _commit = commit;
            _closed.Applied(Replica.AppliedLsn);
        }

        var full = WhyFull();
        if (IsRecovering && !TryRejoin(request, verified) && !_options.Has(ReplicationFaults.RecoveringVotes))
            return Answer(AppendOutcome.Recovering) with { DurableLsn = verified, NextLsn = verified.Next, Recovery = _recovery };
        return Answer(AppendOutcome.Accepted) with { DurableLsn = _options.Has(ReplicationFaults.AckLastLsn) ? log.LastLsn : verified, Detail = full };
    }

    /// <summary>A full disk heals by itself: every heartbeat looks whether there is room again.</summary>
    private string? WhyFull()
    {
        if (Replica.Log.Status != WalStatus.DiskFull)
            return null;
        try
        {
            Replica.Log.EnsureRoom(_options.MaxAppendBytes);
            return null;
        }
        catch (DiskFullException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>A leader knows that this replica acknowledged more than it has. Repeated late, it costs a recovery and nothing else.</summary>
    private void GiveVoteUp()
    {
        _recovery = Guid.NewGuid(); // no late word on an earlier one may end it
        Replica.WritePromise(Replica.Promise with { ReplicaState = (byte)ReplicaState.Recovering });
    }

    /// <summary>It holds everything that it may ever have acknowledged: it votes again, durably.</summary>
    private bool TryRejoin(AppendRequest request, Lsn verified)
    {
        if (_recovery == Guid.Empty)
            _recovery = Guid.NewGuid();
        if (request.RejoinLsn == Lsn.Zero || request.Recovery != _recovery || verified < request.RejoinLsn)
            return false;
        Replica.Rejoin();
        return true;
    }

    /// <summary>
    /// Makes the log equal to the sender's from <paramref name="prev"/> to the end of its records: what matches stays, the first record that
    /// differs goes with all behind it, what is missing is appended.
    /// </summary>
    /// <returns>The last record of the sender's.</returns>
    private Lsn Merge(Lsn prev, ReadOnlyMemory<byte> records)
    {
        var log = Replica.Log;
        var incoming = LogWindow.EndOf(records, prev);
        if (incoming.Last <= log.LastLsn && incoming.Last > prev && Matches(incoming.Last, incoming.LastEpoch) && !_options.Has(ReplicationFaults.TruncateAlways))
            return incoming.Last; // two logs with the same epoch at an LSN are the same up to it
        var (fresh, at) = BehindOwn(records, prev);
        while (!fresh.IsEmpty && at.Next <= log.LastLsn && Matches(at.Next, WalRecordCodec.EpochOf(fresh.Span)))
        {
            at = at.Next;
            fresh = fresh[LogWindow.SizeOf(fresh)..];
        }

        if (fresh.IsEmpty)
        {
            if (_options.Has(ReplicationFaults.TruncateAlways))
                Truncate(at.Next);
            return incoming.Last;
        }

        Truncate(at.Next);
        AppendFresh(fresh, at);
        return incoming.Last;
    }

    /// <summary>
    /// What is left of the records behind the last one of the log, when that one is among them: then all before it match too. A leader
    /// that did not hear the answer repeats what it sent with more behind it; comparing record by record reads the log once for each,
    /// takes longer with every repetition, and may never be answered in time again.
    /// </summary>
    /// <returns>The rest and the LSN that it follows; everything when the last own record is not there, or under another epoch.</returns>
    private (ReadOnlyMemory<byte> Fresh, Lsn Prev) BehindOwn(ReadOnlyMemory<byte> records, Lsn prev)
    {
        var (last, lastEpoch) = (Replica.Log.LastLsn, Replica.Log.LastEpoch);
        var (rest, at) = (records, prev);
        while (!rest.IsEmpty && at < last)
        {
            at = at.Next;
            var size = LogWindow.SizeOf(rest);
            if (at == last && WalRecordCodec.EpochOf(rest.Span) != lastEpoch)
                break;
            rest = rest[size..];
            if (at == last)
                return (rest, at);
        }

        return (records, prev);
    }

    private bool Matches(Lsn lsn, Epoch epoch)
    {
        // Below the log is only what a checkpoint holds, which is committed and so the same everywhere.
        return !Replica.Log.TryGetEpoch(lsn, out var here) ? lsn <= Replica.AppliedLsn : here == epoch;
    }

    private void Truncate(Lsn from)
    {
        if (from > Replica.Log.LastLsn)
            return;
        if (from <= CommitLsn)
            throw new InvalidDataException($"range {Replica.Range}: a leader's record {from} differs, and {CommitLsn} is committed");
        Replica.Log.TruncateSuffix(from);
        _unapplied.TruncateSuffix(from);
        lock (Replica.Gate)
        {
            Replica.Configurations.TruncateSuffix(from);
            _closed.DropPending();
        }
    }

    private void AppendFresh(ReadOnlyMemory<byte> records, Lsn prev)
    {
        _batch.Clear();
        _batch.AddChecked(records.Span);
        if (MayTakeOfReserve(records))
            Replica.Log.EnsureRoomFromReserve(_batch.RecordBytes);
        if (_options.Has(ReplicationFaults.AckBeforeSync))
            _unsynced = records;
        else
            Replica.Log.Append(_batch);
        _unapplied.Add(prev.Next, _batch.Last, records, _options.MaxUnappliedBytes);
        foreach (var (lsn, configuration) in LogWindow.Configurations(records))
        {
            lock (Replica.Gate)
                Replica.Configurations.Append(lsn, configuration);
        }

        _batch.Clear();
    }

    /// <summary>
    /// Whether nothing can be read without these records: the first ones of leaders, of which a replica that was away may lack several, also behind little else that it lacked before.
    /// </summary>
    private static bool MayTakeOfReserve(ReadOnlyMemory<byte> records)
    {
        var mayHoldOthers = records.Length <= ReserveBytes;
        while (true)
        {
            var isStart = WalRecordCodec.TypeOf(records.Span) == RangeRecordType.LeaderStart;
            if (!isStart && !mayHoldOthers)
                return false;
            records = records[LogWindow.SizeOf(records)..];
            if (records.IsEmpty)
                return isStart;
        }
    }

    private void SyncLate()
    {
        if (_unsynced.IsEmpty)
            return;
        _batch.Clear();
        _batch.AddEncoded(_unsynced.Span);
        _unsynced = default;
        Replica.Log.Append(_batch);
        _batch.Clear();
    }

    private AppendAnswer Answer(AppendOutcome outcome) => new()
    {
        Outcome = outcome,
        PromisedEpoch = Replica.Promise.PromisedEpoch,
        AppliedLsn = Replica.AppliedLsn,
        Clock = Replica.Clock.Last,
        Recovery = _recovery,
    };
}

using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Sending to the other replicas, and what their answers mean.</summary>
internal sealed partial class ReplicatedLog
{
    private readonly RecentBatches _window = new();
    private readonly Dictionary<Guid, Peer> _peers = [];
    private RangeConfiguration _configuration;
    private long _sendNumber;

    /// <summary>Sends what is due to whoever has nothing on its way. Any thread, no lock held.</summary>
    private void Pump()
    {
        List<(Peer Peer, AppendRequest Request)>? ready = null;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            var now = _time.GetTimestamp();
            foreach (var peer in _peers.Values)
            {
                if (peer.InFlight || peer.IsLost || now < peer.RetryAt || !IsDue(peer, now))
                    continue;
                if (TryFromWindow(peer, out var request))
                {
                    MarkSent(peer, now);
                    (ready ??= []).Add((peer, request));
                }
                else
                {
                    peer.InFlight = true;
                    _schedule(() => SendFromLog(peer));
                }
            }
        }

        foreach (var (peer, request) in ready ?? [])
            _ = SendAsync(peer, request);
    }

    private bool IsDue(Peer peer, long now) =>
        (peer.Next <= _sealed && !peer.IsSilent) || peer.SentNumber <= _confirmAfter || _time.GetElapsedTime(peer.SentAt, now) >= _options.HeartbeatInterval;

    private void MarkSent(Peer peer, long now)
    {
        peer.InFlight = true;
        peer.SentAt = now;
        peer.SentNumber = ++_sendNumber;
    }

    /// <summary>An append from memory: a heartbeat, or the next batch.</summary>
    private bool TryFromWindow(Peer peer, out AppendRequest request)
    {
        request = null!;
        if (peer.IsSilent)
        {
            request = Request(peer, _sealed, _sealed >= _start ? Epoch : _startPrevEpoch, default, _sealed);
            return true;
        }

        var prev = new Lsn(peer.Next.Value - 1);
        if (prev < new Lsn(_start.Value - 1))
            return false;
        var prevEpoch = prev >= _start ? Epoch : _startPrevEpoch;
        if (peer.Next > _sealed)
        {
            request = Request(peer, prev, prevEpoch, default, prev);
            return true;
        }

        var index = _window.IndexOf(peer.Next);
        if (index < 0)
            return false;
        var (records, last) = Concatenate(index);
        request = Request(peer, prev, prevEpoch, records, last);
        return true;
    }

    private (ReadOnlyMemory<byte> Records, Lsn Last) Concatenate(int index)
    {
        var only = _window[index];
        var (count, bytes) = (1, only.Records.Length);
        while (index + count < _window.Count && bytes + _window[index + count].Records.Length <= _options.MaxAppendBytes)
            bytes += _window[index + count++].Records.Length;
        if (count == 1)
            return (only.Records, only.Last);
        var all = new byte[bytes];
        var at = 0;
        for (var i = index; i < index + count; i++)
        {
            _window[i].Records.CopyTo(all.AsMemory(at));
            at += _window[i].Records.Length;
        }

        return (all, _window[index + count - 1].Last);
    }

    private AppendRequest Request(Peer peer, Lsn prev, Epoch prevEpoch, ReadOnlyMemory<byte> records, Lsn last)
    {
        var clock = _acceptor.Replica.Clock.Now();
        return new AppendRequest
        {
            Replica = peer.Replica.Id,
            Epoch = Epoch,
            Leader = Candidate,
            PrevLsn = prev,
            PrevEpoch = prevEpoch,
            Records = records,
            CommitLsn = _commit >= _start ? _commit : _startCommit,
            Closed = ClosedAfter(last),
            LeaseTimestamp = clock.Add(_options.LeaseDuration),
            Clock = clock,
            RejoinLsn = peer.RejoinLsn,
            Recovery = peer.Recovery,
            HasForgotten = peer.HasForgotten,
        };
    }

    private void TrimWindow()
    {
        while (_window.Count > 1 && (_window.Bytes > _options.MaxWindowBytes || _peers.Values.All(peer => peer.IsLost || peer.Match >= _window[0].Last)))
            _window.RemoveOldest();
    }

    /// <summary>Reads what a peer lacks from the log, on a thread that may block; behind the log's beginning a snapshot has to come first.</summary>
    private void SendFromLog(Peer peer)
    {
        AppendRequest request;
        try
        {
            Lsn next;
            lock (_gate)
                next = peer.Next;
            var log = _acceptor.Replica.Log;
            var prev = new Lsn(next.Value - 1);
            if (next < log.FirstLsn || !log.TryGetEpoch(prev, out var prevEpoch))
            {
                _ = SendSnapshotAsync(peer);
                return;
            }

            var records = LogWindow.Read(log, next, _options.MaxAppendBytes);
            var (last, _) = LogWindow.EndOf(records, prev);
            lock (_gate)
            {
                request = Request(peer, prev, prevEpoch, records, last);
                MarkSent(peer, _time.GetTimestamp());
            }
        }
        catch (LogTruncatedException)
        {
            _ = SendSnapshotAsync(peer);
            return;
        }
        catch (Exception exception) when (exception is IOException or LogReplacedException)
        {
            lock (_gate)
                (peer.InFlight, peer.RetryAt, peer.Detail) = (false, After(_options.RetryPause), $"the log cannot be read for it now: {exception.Message}");
            return;
        }
        catch (Exception exception)
        {
            if (exception is WalCorruptionException)
                _acceptor.Replica.MarkDamaged(exception.Message); // or it would be elected again, to read the same again
            End(exception);
            return;
        }

        _ = SendAsync(peer, request);
    }

    private async Task SendAsync(Peer peer, AppendRequest request)
    {
        long number;
        long sentAt;
        lock (_gate)
            (number, sentAt) = (peer.SentNumber, peer.SentAt);
        var answer = await _transport.AppendAsync(peer.Replica, request);
        OnAnswer(peer, request, number, sentAt, answer);
    }

    private void OnAnswer(Peer peer, AppendRequest request, long number, long sentAt, AppendAnswer? answer)
    {
        Exception? deposed = null;
        lock (_gate)
        {
            if (_ended is not null)
                return;
            peer.InFlight = false;
            peer.LastOutcome = answer?.Outcome;
            peer.Detail = answer?.Detail;
            peer.IsSilent = answer is null;
            if (answer is not null)
            {
                peer.HeardAt = _time.GetTimestamp();
                peer.Applied = answer.AppliedLsn;
                if (!_acceptor.Replica.Clock.TryReceive(answer.Clock))
                    answer = null; // whoever runs that far ahead is not followed, and does not count
            }

            switch (answer?.Outcome)
            {
                case null or AppendOutcome.Unable:
                    peer.RetryAt = After(_options.RetryPause);
                    break;
                case AppendOutcome.Accepted when request.HasForgotten:
                    // It goes on as if it had lost nothing, as older versions do: what it has now says nothing of what else it may forget to promise.
                    (peer.RetryAt, peer.Detail) = (After(_options.RetryPause), "it lost what it had acknowledged, and does not give its vote up");
                    break;
                case AppendOutcome.Accepted:
                    (peer.Recovery, peer.RejoinLsn) = (Guid.Empty, Lsn.Zero);
                    Acknowledge(peer, answer.DurableLsn, number, sentAt, request.LeaseTimestamp);
                    break;
                case AppendOutcome.Gap or AppendOutcome.Conflict:
                    peer.Next = Max(Min(answer.NextLsn, _sealed.Next), new Lsn(1));
                    if (answer.Outcome == AppendOutcome.Gap && peer.Next <= request.PrevLsn && peer.Next <= peer.Match)
                        OnForgotten(peer);
                    break;
                case AppendOutcome.Recovering:
                    peer.Next = answer.NextLsn;
                    OnRecovering(peer, answer.Recovery);
                    break;
                case AppendOutcome.UnknownReplica:
                    peer.IsLost = true;
                    break;
                default:
                    deposed = new DeposedException($"{peer.Replica.Node} follows epoch {answer.PromisedEpoch}");
                    break;
            }
        }

        if (deposed is not null)
        {
            End(deposed);
            return;
        }

        Progress();
        Pump();
    }

    private void Acknowledge(Peer peer, Lsn durable, long number, long sentAt, Timestamp lease)
    {
        peer.Match = Max(peer.Match, durable);
        peer.Next = Max(peer.Next, durable.Next);
        if (number > peer.AckedNumber)
            (peer.AckedNumber, peer.AckedAt) = (number, sentAt);
        peer.AckedLease = Timestamp.Later(peer.AckedLease, lease);
        RenewLease();
        TrimWindow();
    }

    /// <summary>
    /// Its log ends before what it acknowledged to this leader, for instance because damage to its last batch was taken for the trace of a crash. It does not know; until it says that it recovers, nothing
    /// but the copies that are left may count.
    /// </summary>
    private static void OnForgotten(Peer peer)
    {
        peer.Match = new Lsn(peer.Next.Value - 1);
        peer.HasForgotten = true;
    }

    /// <summary>
    /// It lost records that it may have acknowledged. It votes again when it holds everything that this leader has once a quorum without it
    /// has confirmed the epoch after its loss: then no other leader can have committed anything with its help.
    /// </summary>
    private void OnRecovering(Peer peer, Guid recovery)
    {
        peer.HasForgotten = false;
        if (peer.Recovery != recovery)
        {
            (peer.Recovery, peer.RejoinLsn, peer.RecoveryAskedAt) = (recovery, Lsn.Zero, _sendNumber);
            _confirmAfter = Math.Max(_confirmAfter, _sendNumber);
        }

        if (peer.RejoinLsn == Lsn.Zero && IsConfirmed(peer.RecoveryAskedAt, without: peer.Replica.Id))
            peer.RejoinLsn = _sealed; // it cannot have acknowledged what was never sent
    }

    private static Lsn Min(Lsn left, Lsn right) => left < right ? left : right;

    private static Lsn Max(Lsn left, Lsn right) => left > right ? left : right;

    private long After(TimeSpan span) => _time.GetTimestamp() + (long)(span.TotalSeconds * _time.TimestampFrequency);
}

using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>What becomes of pending proposals when the log cannot take them.</summary>
public sealed partial class RangeLeader
{
    private static readonly TimeSpan DiskFullRetry = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A full disk: nothing pending was sent to anybody, everything derived from it is taken back, service goes on and the next write
    /// probes again. Anything else ends leadership: what was sent has an unknown outcome, the rest certainly did not happen.
    /// </summary>
    void IReplicatedLogObserver.OnFailed(Exception exception, Lsn firstNotCommitted, Lsn firstNotSent)
    {
        List<Proposal> failed;
        var woken = new List<TaskCompletionSource>();
        lock (_replica.Gate)
        {
            failed = [.. _pending];
            _pending.Clear();
            _pendingRecords = 0;
            _overlay.Clear();
            _ahead.Clear();
            _waiters.TakeAll(woken); // what they waited for may never come; they look again
            var notSent = Refusal(exception);
            foreach (var proposal in failed)
            {
                var isUnknown = (proposal.HasRecord || proposal.SharesRecord) && proposal.Lsn < firstNotSent;
                proposal.Result = WriteResult.Failed(isUnknown
                    ? Failure.Unknown(ErrorCode.OutcomeUnknown, $"range {Range} lost its leader while the write was under way: {exception.Message}")
                    : notSent);
            }

            if (exception is not DiskFullException)
            {
                IsStopped = true;
                _refusal = notSent;
            }
        }

        CompleteAll(failed);
        WakeWatchers();
        WakeAll(woken);
        if (exception is DiskFullException)
            return;
        ReleaseLease();
        _ended.TrySetResult();
    }

    /// <inheritdoc/>
    void ReplicaAcceptor.IContender.Fence()
    {
        _campaign?.Stop();
        _log?.Fence();
    }

    /// <summary>It answers nothing any more, so nobody needs to wait for its lease. Counts only where its epoch is the promised one.</summary>
    private void ReleaseLease()
    {
        if (_log is not { } log)
            return;
        var lowWater = _replica.Clock.Last;
        foreach (var member in log.Configuration.Members.OrderBy(member => member.Id == _acceptor.Id)) // the own replica last: its disk may hang
        {
            var notice = new ReleaseNotice(member.Id, log.Epoch, lowWater) { Heir = _heir };
            if (member.Id == _acceptor.Id)
                _acceptor.TryRelease(notice);
            else
                _transport.Release(member, notice);
        }
    }

    /// <summary>The replica on this node follows somebody else.</summary>
    void ReplicaAcceptor.IContender.OnDeposed(Epoch by)
    {
        _campaign?.Stop();
        _log?.End(new DeposedException($"the replica follows epoch {by}"));
    }

    private Failure Refusal(Exception exception)
    {
        var broken = $"range {Range} is broken on node {_options.Node}: {exception.Message}";
        return exception switch
        {
            DiskFullException => Failure.NotApplied(ErrorCode.Unavailable, $"range {Range} takes no writes: {exception.Message}") with { RetryAfter = DiskFullRetry },
            DeposedException => Failure.NotApplied(ErrorCode.RangeMoved, $"range {Range} has another leader: {exception.Message}"),

            // What is damaged here is whole elsewhere: only the last copy's damage is the caller's business.
            _ => Failure.NotApplied(Configuration.Voters.Length > 1 ? ErrorCode.Unavailable : ErrorCode.Corruption, broken),
        };
    }
}

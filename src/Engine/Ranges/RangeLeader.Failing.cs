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
    /// A full disk: nothing pending is in the log, everything derived from it is taken back, service goes on and the next write
    /// probes again. Anything else is final: what may be in the log has an unknown outcome, the rest certainly did not happen.
    /// </summary>
    void IGroupCommitObserver.OnFailed(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged)
    {
        List<Proposal> failed;
        lock (_replica.Gate)
        {
            failed = [.. _pending];
            _pending.Clear();
            _pendingRecords = 0;
            _overlay.Clear();
            var notLogged = Refusal(exception);
            foreach (var proposal in failed)
            {
                var isUnknown = proposal.HasRecord && proposal.Lsn < firstNotLogged;
                proposal.Result = WriteResult.Failed(isUnknown
                    ? Failure.Unknown(ErrorCode.OutcomeUnknown, $"the log of range {Range} failed while the write was under way: {exception.Message}")
                    : notLogged);
            }

            if (exception is not DiskFullException)
            {
                IsStopped = true;
                _refusal = notLogged;
            }
        }

        CompleteAll(failed);
    }

    private Failure Refusal(Exception exception) => exception is DiskFullException
        ? Failure.NotApplied(ErrorCode.Unavailable, $"range {Range} takes no writes: {exception.Message}") with { RetryAfter = DiskFullRetry }
        : Failure.NotApplied(ErrorCode.Corruption, $"range {Range} is broken on node {_options.Node}: {exception.Message}");
}

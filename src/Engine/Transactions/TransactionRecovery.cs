using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What anybody does who meets an intent without knowing its outcome: asks the transaction's anchor, which alone decides, and sends the decision to all participants. Where there is
/// none, and the intent is older than <see cref="TransactionLimits.PrepareTimeout"/>, its coordinator is taken for lost, and the anchor is asked to decide: to abort, in its log, unless the commit is there.
/// Above the deadline nothing is committed any more: no commit means aborted, since the anchor knows of one until every intent is gone.
/// <para>Any number may do this at once, and the coordinator with them: the anchor's log has one decision first. A crash at any point leaves the intent, which is met again.</para>
/// </summary>
public sealed class TransactionRecovery
{
    private readonly ITransactionRanges _ranges;
    private readonly IResolutions _resolutions;
    private readonly HybridLogicalClock _clock;

    /// <summary>Recovers on one node.</summary>
    public TransactionRecovery(ITransactionRanges ranges, IResolutions resolutions, HybridLogicalClock clock)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        ArgumentNullException.ThrowIfNull(resolutions);
        ArgumentNullException.ThrowIfNull(clock);
        _ranges = ranges;
        _resolutions = resolutions;
        _clock = clock;
    }

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal CoordinatorFaults Faults { get; init; }

    /// <summary>Finds the decision, or has it made, and sends it on its way.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="participants">Every range of it, the anchor first.</param>
    /// <param name="deadline">Its deadline.</param>
    /// <param name="prepared">Timestamp of the oldest intent that was met.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <returns>The decision; null when there is none yet, or it could not be told.</returns>
    public async Task<Resolution?> RecoverAsync(TransactionId transaction, IReadOnlyList<RangeId> participants, Timestamp deadline, Timestamp prepared, TimeSpan timeout)
    {
        ArgumentNullException.ThrowIfNull(participants);
        var isOld = _clock.Now() >= prepared.Add(TransactionLimits.PrepareTimeout);
        var decision = isOld && Faults.HasFlag(CoordinatorFaults.RecoverWithoutAnchor)
            ? new RangeDecision { Outcome = Timestamp.Zero }
            : await _ranges.DecideAsync(participants[0], new RangeDecide(transaction, deadline, Aborts: isOld, IsPrepared: true), timeout);
        if (decision is not { Failure: null, Outcome: { } outcome })
            return null;
        var resolution = new Resolution(transaction, outcome);
        _ = _resolutions.ResolveAsync(resolution, participants.Count == 1 ? participants : [.. participants.Skip(1)]);
        return resolution;
    }

    /// <summary>Sends a commit to the other participants, and has it settled when all of them have confirmed it.</summary>
    /// <param name="resolution">The commit.</param>
    /// <param name="others">The other participants.</param>
    /// <param name="anchor">The range that decided it.</param>
    /// <returns>Whether all have confirmed.</returns>
    public Task<bool> FinishAsync(Resolution resolution, IReadOnlyList<RangeId> others, RangeId anchor) => FinishAsync(_resolutions, resolution, others, anchor, Faults);

    internal static async Task<bool> FinishAsync(IResolutions resolutions, Resolution resolution, IReadOnlyList<RangeId> others, RangeId anchor, CoordinatorFaults faults)
    {
        var confirming = resolutions.ResolveAsync(resolution, others);
        if (!faults.HasFlag(CoordinatorFaults.SettleEarly) && !await confirming)
            return false;
        resolutions.Settle(resolution.Transaction, anchor);
        return true;
    }
}

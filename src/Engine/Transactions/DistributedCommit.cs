using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// One transaction's way to its decision, which is the commit of one of its ranges, the *anchor*. In one range: (1) one command with check and writes. In several: (1) all others prepare, in parallel, each with its
/// own timestamp; (2) the anchor commits its part, above the highest of these: the record of that is the commit point; (3) the client is answered, and the others are told; (4) when all have confirmed, the anchor is told that, and
/// need not know of the commit any more. (The last agent of Gray and Reuter, "Transaction Processing", 7.5.)
/// <para>
/// Nobody but this machine ever asks the anchor to commit, so before it did, whatever went wrong is a certain abort. It then tells the participants at once; the anchor has to log the abort
/// only when one of them does not confirm. Once it asked, the anchor alone knows: whoever wants the transaction aborted has the anchor log that first, and from then on it either
/// had committed, or never will. So it is with the only range of a transaction, too.
/// </para>
/// <para>After a crash before (2) anybody who meets an intent has the anchor abort; after (2) anybody who asks the anchor finds the commit and goes on with (3), and so does the anchor itself.</para>
/// </summary>
internal sealed class DistributedCommit
{
    /// <summary>How long an abort waits for its participants before it is answered: who tries again must not meet the intents that are left.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Of the time of a commit, what the prepares must leave to the decision, or to an abort that is known in time.</summary>
    private static readonly TimeSpan DecisionMargin = TimeSpan.FromMilliseconds(500);

    private readonly CoordinatorContext _context;
    private readonly TransactionId _transaction;
    private readonly Timestamp _deadline;
    private readonly CommitParticipant _anchor;
    private readonly CommitParticipant[] _others;
    private readonly RangeId[] _otherRanges;

    /// <param name="context">The node.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="participants">At least one that writes.</param>
    public DistributedCommit(CoordinatorContext context, TransactionId transaction, IReadOnlyList<CommitParticipant> participants)
    {
        (_context, _transaction, _deadline) = (context, transaction, TransactionDeadline.Of(transaction));
        var writers = participants.Where(participant => participant.Work.Writes.Length > 0).ToList();
        _anchor = writers.Find(writer => context.IsLedHere(writer.Range)) ?? writers[0];
        _others = [.. participants.Where(participant => participant != _anchor)];
        _otherRanges = [.. _others.Select(other => other.Range)];
    }

    /// <summary>Completes when the outcome is certain, or could not be made certain in time.</summary>
    /// <param name="budget">The time that it may take.</param>
    public async Task<CommitOutcome> RunAsync(TimeBudget budget)
    {
        if (_others.Length == 0)
            return await CommitAsync(Timestamp.Zero, budget);
        var prepared = await PrepareAllAsync(budget);
        if (prepared.Refused is { } refused)
        {
            await AbandonAsync(prepared.MayHoldIntents);
            return refused;
        }

        if (_context.Has(CoordinatorFaults.ResolveBeforeDecision))
            _ = _context.Resolutions.ResolveAsync(new Resolution(_transaction, prepared.Timestamp), _otherRanges);
        var deciding = DecideAsync(prepared.Timestamp, budget);
        return _context.Has(CoordinatorFaults.AckBeforeDecision) ? Committed(prepared.Timestamp) : await deciding;
    }

    /// <summary>Nobody waits for its commit any more: it is aborted unless it happened.</summary>
    /// <returns>What is certain; unknown while it is not.</returns>
    public async Task<CommitOutcome> SettleAsync(TimeSpan timeout)
    {
        var decision = await AbortAsync(isPrepared: false, timeout);
        return decision.Failure is null
            ? await FinishAsync(ToOutcome(decision, Failure.NotApplied(ErrorCode.TransactionConflict, $"transaction {_transaction} was not decided in time and is aborted") with
            {
                Conflict = ConflictReason.Aborted,
            }))
            : CommitOutcome.Unknown(_transaction);
    }

    private async Task<CommitOutcome> DecideAsync(Timestamp after, TimeBudget budget) => await FinishAsync(await CommitAsync(after, budget));

    /// <summary>Has the decision carried out where it has to be.</summary>
    private async Task<CommitOutcome> FinishAsync(CommitOutcome outcome)
    {
        if (_others.Length > 0 && outcome.Status == TransactionStatus.Committed)
            _ = TransactionRecovery.FinishAsync(_context.Resolutions, new Resolution(_transaction, outcome.CommitTimestamp), _otherRanges, _anchor.Range, _context.Faults);
        else if (outcome.Status == TransactionStatus.Aborted)
            await AbandonAsync(_otherRanges);
        return outcome;
    }

    /// <summary>
    /// Asks again after an attempt without an answer, since the range knows what became of it. A refusal then speaks of the last attempt only: the first may still be on its
    /// way. So the range is asked to abort: what it says then holds for all attempts, as does a refusal for the deadline's sake. Where others stand prepared every refusal is made sure of like this: what stood in the way may go,
    /// and the same request come once more, from a network that repeats.
    /// </summary>
    private async Task<CommitOutcome> CommitAsync(Timestamp after, TimeBudget budget)
    {
        var request = new RangeCommit(_anchor.Work, _otherRanges, after);
        var mayHaveHappened = false;
        Failure? refused = null;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            var answer = await _context.Ranges.CommitAsync(_anchor.Range, request, budget.Left);
            if (answer.Repeated is { } repeated)
                return CommitOutcome.RepeatedAs(repeated);
            if (answer.Failure is not { } failure)
                return Committed(answer.CommitTimestamp);
            var (isRefused, isTaken) = (failure.Outcome == Outcome.NotApplied, failure.Code is not (ErrorCode.Unavailable or ErrorCode.Overloaded));
            mayHaveHappened |= !isRefused;
            if (isRefused && (failure.Code == ErrorCode.TransactionExpired || (!mayHaveHappened && !(isTaken && _others.Length > 0))))
                return CommitOutcome.Aborted(Refusal(_anchor, refused ?? failure));
            if (isRefused && isTaken)
            {
                refused ??= failure;
                if (await AbortAsync(isPrepared: false, budget.Left) is { Failure: null } decision)
                    return ToOutcome(decision, Refusal(_anchor, refused));
            }

            if (budget.Left <= pause)
                return CommitOutcome.Unknown(_transaction);
            await budget.PauseAsync(_context.Jittered(pause));
        }
    }

    /// <summary>Has the anchor abort what it has not committed.</summary>
    private ValueTask<RangeDecision> AbortAsync(bool isPrepared, TimeSpan timeout) =>
        _context.Ranges.DecideAsync(_anchor.Range, new RangeDecide(_transaction, _deadline, Aborts: true, isPrepared), timeout);

    private CommitOutcome ToOutcome(RangeDecision decision, Failure whyAborted) => decision.Outcome switch
    {
        null => CommitOutcome.Unknown(_transaction),
        { IsZero: true } => CommitOutcome.Aborted(whyAborted),
        { } committed => Committed(committed),
    };

    private readonly record struct Prepared(CommitOutcome? Refused, Timestamp Timestamp, List<RangeId> MayHoldIntents);

    /// <summary>Ends with the first refusal: who has not answered then may still prepare, and is told of the abort like the others.</summary>
    private async Task<Prepared> PrepareAllAsync(TimeBudget budget)
    {
        RangeId[] participants = [_anchor.Range, .. _otherRanges];
        var time = _context.Budget(budget.Left - (budget.Left / 4 < DecisionMargin ? budget.Left / 4 : DecisionMargin));
        var left = _others.Select(other => PrepareAsync(other, participants, time)).ToList();
        var mayHoldIntents = new List<RangeId>(_otherRanges);
        var highest = Timestamp.Zero;
        CommitOutcome? refused = null;
        while (left.Count > 0 && (refused is null || left.Exists(preparing => preparing.IsCompleted)))
        {
            var preparing = await Task.WhenAny(left);
            left.Remove(preparing);
            var (participant, answer, mayHold) = await preparing;
            if (!mayHold)
                mayHoldIntents.Remove(participant.Range);
            if (answer.Repeated is { } repeated)
                refused = CommitOutcome.RepeatedAs(repeated);
            else if (answer.Failure is { } failure)
                refused = Worse(refused, Refusal(participant, failure));
            else if (!_context.Has(CoordinatorFaults.ForgetPrepareTimestamps))
                highest = Timestamp.Later(highest, answer.PrepareTimestamp);
        }

        return new Prepared(refused, highest, mayHoldIntents);
    }

    /// <summary>Idempotent, so that an attempt without an answer, its leader being lost, is followed by another.</summary>
    private async Task<(CommitParticipant Participant, PrepareResult Answer, bool MayHoldIntents)> PrepareAsync(CommitParticipant participant, RangeId[] participants, TimeBudget budget)
    {
        var mayHold = false;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            var answer = await _context.Ranges.PrepareAsync(participant.Range, new RangePrepare(participant.Work, participants), budget.Left);
            if (answer.Repeated is not null || answer.Failure is null)
                return (participant, answer, MayHoldIntents: mayHold || answer.Repeated is null);
            mayHold |= answer.Failure.Outcome != Outcome.NotApplied;
            if (_context.Has(CoordinatorFaults.AssumePrepared) && mayHold)
                return (participant, new PrepareResult { PrepareTimestamp = _context.Clock.Now() }, mayHold);
            if (answer.Failure.Outcome == Outcome.NotApplied)
                return (participant, answer, mayHold);
            if (budget.Left <= pause)
                return (participant, PrepareResult.Failed(NotPrepared(participant)), mayHold);
            await budget.PauseAsync(_context.Jittered(pause));
        }
    }

    /// <summary>
    /// Has what may be prepared taken back. When some participant does not confirm soon, the anchor logs the abort, so that whoever meets the intent there need not
    /// wait until it is old.
    /// </summary>
    private async Task AbandonAsync(IReadOnlyList<RangeId> mayHoldIntents)
    {
        if (mayHoldIntents.Count == 0)
            return;
        var resolving = _context.Resolutions.ResolveAsync(new Resolution(_transaction, Timestamp.Zero), mayHoldIntents);
        if (await Task.WhenAny(resolving, Task.Delay(AbortPatience, _context.Time)) != resolving || !await resolving)
            _ = AbortAsync(isPrepared: true, TransactionLimits.PrepareTimeout).AsTask();
    }

    private CommitOutcome Committed(Timestamp at)
    {
        _context.Clock.TryReceive(at);
        return CommitOutcome.Committed(at);
    }

    /// <summary>A conflict says more than that something else went wrong, and more keys more than fewer.</summary>
    private static CommitOutcome Worse(CommitOutcome? known, Failure found) => known switch
    {
        null => CommitOutcome.Aborted(found),
        { Repeated: not null } => known,
        { Failure: { Code: ErrorCode.TransactionConflict } conflict } => found.Code == ErrorCode.TransactionConflict
            ? CommitOutcome.Aborted(conflict with { Keys = [.. conflict.Keys, .. found.Keys] })
            : known,
        _ => found.Code == ErrorCode.TransactionConflict ? CommitOutcome.Aborted(found) : known,
    };

    /// <summary>
    /// What a participant's refusal means to the client. A condition held in the snapshot; that it does not hold any more is a conflict. So it is when others took the coordinator for lost: another attempt may be quicker.
    /// </summary>
    private Failure Refusal(CommitParticipant participant, Failure failure)
    {
        if (failure.Code == ErrorCode.TransactionExpired && _others.Length > 0 && _context.Clock.Now() <= _deadline)
            return Failure.NotApplied(ErrorCode.TransactionConflict, "the transaction took too long to commit and was aborted by others") with { Conflict = ConflictReason.Aborted };
        if (failure.Code != ErrorCode.VersionMismatch)
            return ConflictKeys.ToUser(failure, participant.Keyspace);
        return ConflictKeys.ToUser(
            Failure.NotApplied(ErrorCode.TransactionConflict, "a condition does not hold any more: " + failure.Detail) with { Keys = failure.Keys, Conflict = ConflictReason.Condition }, participant.Keyspace);
    }

    private static Failure NotPrepared(CommitParticipant participant) =>
        Failure.NotApplied(ErrorCode.Unavailable, $"range {participant.Range} did not prepare in time; the transaction is aborted") with { RetryAfter = TimeSpan.FromSeconds(1) };

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;
}

using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// One transaction's way to its decision. In one range: (1) one command with check and writes. In several: (1) all prepare, in parallel, each with its
/// own timestamp; (2) the commit timestamp is the highest of these; (3) the decision is one row, written if there is none: the commit point; (4) the client is answered
/// and the participants are told.
/// <para>
/// Nobody but this machine ever writes a decision to commit, so before it tried to, whatever went wrong is a certain abort. It then tells the participants at once;
/// the row that says so is needed only when one of them does not confirm. Once it tried, the row alone knows: whoever wants the transaction aborted has to write
/// the row first, too.
/// </para>
/// <para>
/// A single participant knows by itself what became of an attempt without an answer. When it is not to be waited for any longer, it is told of an abort; from then on it either
/// had committed, or never will.
/// </para>
/// <para>After a crash before (3) anybody who meets an intent aborts the transaction by its row; after (3) anybody finds the row and goes on with (4).</para>
/// </summary>
internal sealed class DistributedCommit(CoordinatorContext context, TransactionId transaction)
{
    /// <summary>How long an abort waits for its participants before it is answered: who tries again must not meet the intents that are left.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Of the time of a commit, what the prepares must leave to the decision, or to an abort that is known in time.</summary>
    private static readonly TimeSpan DecisionMargin = TimeSpan.FromMilliseconds(500);

    private readonly Timestamp _deadline = TransactionDeadline.Of(transaction);

    /// <summary>Completes when the outcome is certain, or could not be made certain in time.</summary>
    /// <param name="participants">At least one.</param>
    /// <param name="budget">The time that it may take.</param>
    public Task<CommitOutcome> RunAsync(IReadOnlyList<CommitParticipant> participants, TimeBudget budget) =>
        participants.Count == 1 ? CommitAloneAsync(participants[0], mayHaveHappened: false, budget) : CommitTogetherAsync(participants, budget);

    /// <summary>
    /// Asks again after an attempt without an answer, since the range knows what became of it. A refusal then speaks of the last attempt only: the first may still be on its
    /// way. So the range is told of an abort, and asked once more: what it says then holds for all attempts, as does a refusal for the deadline's sake.
    /// </summary>
    private async Task<CommitOutcome> CommitAloneAsync(CommitParticipant participant, bool mayHaveHappened, TimeBudget budget)
    {
        Failure? refused = null;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            var answer = await context.Ranges.CommitAsync(participant.Range, participant.Work, budget.Left);
            if (answer.Repeated is { } repeated)
                return CommitOutcome.RepeatedAs(repeated);
            if (answer.Failure is not { } failure)
                return Committed(answer.CommitTimestamp);
            if (failure.Outcome == Outcome.NotApplied && (!mayHaveHappened || failure.Code == ErrorCode.TransactionExpired))
                return CommitOutcome.Aborted(Refusal(participant, refused ?? failure));
            mayHaveHappened |= failure.Outcome != Outcome.NotApplied;
            if (budget.Left <= pause)
                return CommitOutcome.Unknown(transaction);
            if (failure is { Outcome: Outcome.NotApplied, Code: not (ErrorCode.Unavailable or ErrorCode.Overloaded) })
            {
                refused ??= failure;
                await AbortAloneAsync(participant, budget);
            }

            await budget.PauseAsync(context.Jittered(pause));
        }
    }

    /// <summary>
    /// For one participant what recovery is for several: nobody waits for its commit any more, so it is aborted unless it happened.
    /// </summary>
    /// <returns>What is certain; unknown while it is not.</returns>
    public async Task<CommitOutcome> SettleAloneAsync(CommitParticipant participant, TimeSpan timeout)
    {
        var budget = context.Budget(timeout);
        await AbortAloneAsync(participant, budget);
        return await CommitAloneAsync(participant, mayHaveHappened: true, budget);
    }

    private async Task AbortAloneAsync(CommitParticipant participant, TimeBudget budget) =>
        await Task.WhenAny(context.Resolutions.ResolveAsync(new Resolution(transaction, Timestamp.Zero), [participant.Range]), budget.PauseAsync(budget.Left));

    private async Task<CommitOutcome> CommitTogetherAsync(IReadOnlyList<CommitParticipant> participants, TimeBudget budget)
    {
        RangeId[] ranges = [.. participants.Select(participant => participant.Range)];
        var prepared = await PrepareAllAsync(participants, ranges, budget);
        if (prepared.Refused is { } refused)
        {
            await AbandonAsync(prepared.MayHoldIntents);
            return refused;
        }

        // What begins here afterwards must begin above it.
        if (!context.Clock.TryReceive(prepared.Timestamp))
        {
            await AbandonAsync(ranges);
            return CommitOutcome.Aborted(Failure.NotApplied(ErrorCode.Unavailable, $"a participant's clock is too far ahead: {prepared.Timestamp}"));
        }

        var record = new TransactionRecord(transaction, prepared.Timestamp, _deadline, ranges);
        if (context.Has(CoordinatorFaults.AckBeforeDecision))
        {
            _ = FinishAsync(record, budget);
            return Committed(record.CommitTimestamp);
        }

        if (context.Has(CoordinatorFaults.ResolveBeforeDecision))
            _ = context.Resolutions.ResolveAsync(record.Resolution, ranges);
        return await FinishAsync(record, budget);
    }

    private async Task<CommitOutcome> FinishAsync(TransactionRecord record, TimeBudget budget)
    {
        var outcome = context.Has(CoordinatorFaults.ForgetDecisionRecord) ? Committed(record.CommitTimestamp) : await DecideAsync(record, budget);
        if (outcome.Status == TransactionStatus.Committed)
            _ = context.Resolutions.ResolveAsync(record.Resolution, record.Participants);
        else if (outcome.Status == TransactionStatus.Aborted)
            await AbandonAsync(record.Participants);
        return outcome;
    }

    private readonly record struct Prepared(CommitOutcome? Refused, Timestamp Timestamp, List<RangeId> MayHoldIntents);

    /// <summary>Ends with the first refusal: who has not answered then may still prepare, and is told of the abort like the others.</summary>
    private async Task<Prepared> PrepareAllAsync(IReadOnlyList<CommitParticipant> participants, RangeId[] ranges, TimeBudget budget)
    {
        var time = context.Budget(budget.Left - (budget.Left / 4 < DecisionMargin ? budget.Left / 4 : DecisionMargin));
        var left = participants.Select(participant => PrepareAsync(participant, ranges, time)).ToList();
        var mayHoldIntents = new List<RangeId>(ranges);
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
            else if (context.Has(CoordinatorFaults.LowestTimestamp))
                highest = highest.IsZero || answer.PrepareTimestamp < highest ? answer.PrepareTimestamp : highest;
            else
                highest = Timestamp.Later(highest, answer.PrepareTimestamp);
        }

        return new Prepared(refused, highest, mayHoldIntents);
    }

    /// <summary>Idempotent, so that an attempt without an answer, its leader being lost, is followed by another.</summary>
    private async Task<(CommitParticipant Participant, PrepareResult Answer, bool MayHoldIntents)> PrepareAsync(CommitParticipant participant, RangeId[] ranges, TimeBudget budget)
    {
        var mayHold = false;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            var answer = await context.Ranges.PrepareAsync(participant.Range, new RangePrepare(participant.Work, ranges), budget.Left);
            if (answer.Repeated is not null || answer.Failure is null)
                return (participant, answer, MayHoldIntents: mayHold || answer.Repeated is null);
            mayHold |= answer.Failure.Outcome != Outcome.NotApplied;
            if (context.Has(CoordinatorFaults.AssumePrepared) && mayHold)
                return (participant, new PrepareResult { PrepareTimestamp = context.Clock.Now() }, mayHold);
            if (answer.Failure.Outcome == Outcome.NotApplied)
                return (participant, answer, mayHold);
            if (budget.Left <= pause)
                return (participant, PrepareResult.Failed(NotPrepared(participant)), mayHold);
            await budget.PauseAsync(context.Jittered(pause));
        }
    }

    /// <summary>
    /// An attempt without an answer is followed by another with the very same row. What then stands in the way is a row, which is read; or the deadline, after which
    /// an absent row stays absent.
    /// </summary>
    private async Task<CommitOutcome> DecideAsync(TransactionRecord record, TimeBudget budget)
    {
        var mayBeWritten = false;
        for (var pause = FirstPause; ; pause = Longer(pause))
        {
            var failure = await context.Records.DecideAsync(record, budget.Left);
            if (failure is null)
                return Committed(record.CommitTimestamp);
            if (failure.Outcome == Outcome.NotApplied && !mayBeWritten && failure.Code != ErrorCode.VersionMismatch)
                return CommitOutcome.Aborted(failure);
            mayBeWritten |= failure.Outcome != Outcome.NotApplied;
            if (failure.Outcome == Outcome.NotApplied && await context.Records.ReadAsync(transaction, budget.Left) is { Failure: null } found)
            {
                if (found.Record is { IsCommitted: true } committed)
                    return Committed(committed.CommitTimestamp);
                if (found.Record is not null || found.ReadTimestamp > _deadline)
                    return CommitOutcome.Aborted(Failure.NotApplied(ErrorCode.TransactionConflict, "the transaction took too long to commit and was aborted by others") with { Conflict = ConflictReason.Aborted });
            }

            if (budget.Left <= pause)
                return CommitOutcome.Unknown(transaction);
            await budget.PauseAsync(context.Jittered(pause));
        }
    }

    /// <summary>
    /// Has what may be prepared taken back. When some participant does not confirm soon, the row is written too, so that whoever meets the intent there need not
    /// wait until it is old.
    /// </summary>
    private async Task AbandonAsync(IReadOnlyList<RangeId> mayHoldIntents)
    {
        if (mayHoldIntents.Count == 0)
            return;
        var resolving = context.Resolutions.ResolveAsync(new Resolution(transaction, Timestamp.Zero), mayHoldIntents);
        if (await Task.WhenAny(resolving, Task.Delay(AbortPatience, context.Time)) != resolving || !await resolving)
            _ = context.Records.DecideAsync(new TransactionRecord(transaction, Timestamp.Zero, _deadline, mayHoldIntents), TransactionLimits.PrepareTimeout).AsTask();
    }

    private CommitOutcome Committed(Timestamp at)
    {
        context.Clock.TryReceive(at);
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

    /// <summary>What a participant's refusal means to the client. A condition held in the snapshot; that it does not hold any more is a conflict.</summary>
    private static Failure Refusal(CommitParticipant participant, Failure failure)
    {
        if (failure.Code != ErrorCode.VersionMismatch)
            return ConflictKeys.ToUser(failure, participant.Keyspace);
        return ConflictKeys.ToUser(
            Failure.NotApplied(ErrorCode.TransactionConflict, "a condition does not hold any more: " + failure.Detail) with { Keys = failure.Keys, Conflict = ConflictReason.Condition }, participant.Keyspace);
    }

    private static Failure NotPrepared(CommitParticipant participant) =>
        Failure.NotApplied(ErrorCode.Unavailable, $"range {participant.Range} did not prepare in time; the transaction is aborted") with { RetryAfter = TimeSpan.FromSeconds(1) };

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;
}

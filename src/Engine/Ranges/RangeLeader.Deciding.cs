using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// What the anchor of transactions over several ranges does beside committing them: telling what it decided, aborting what it never will commit, and having commits carried out that nobody confirms.
/// <para>
/// What holds: a commit that was decided for others is known here, by every leader, until all of them have confirmed it. So whoever meets an intent of a transaction that is not known here meets one that is not committed; and when
/// an abort of it is in the log, it never will be.
/// </para>
/// </summary>
public sealed partial class RangeLeader
{
    /// <summary>How often commits that are not settled are looked at.</summary>
    private static readonly TimeSpan SettleInterval = TimeSpan.FromSeconds(1);

    /// <summary>Age from which the coordinator of a commit is taken for lost that has not told of its end.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(5);

    /// <summary>How long the end of a keyspace waits for its last commits.</summary>
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(3);

    /// <summary>How often it looks.</summary>
    private static readonly TimeSpan ClosePause = TimeSpan.FromMilliseconds(100);

    /// <summary>Most commits that are handed over at a time; the rest comes next time.</summary>
    private const int MaxFinishedAtOnce = 4096;

    private long _lookedAfterUnsettled;

    /// <summary>Whether nothing is prepared here any more, nor decided for others.</summary>
    private bool IsClosed => _replica.Transactions.IsClosed || _ahead.FindResolve(TransactionId.None) is not null;

    /// <summary>Commits that were decided here for other ranges too, and that these have not all confirmed.</summary>
    public int UnsettledTransactions
    {
        get
        {
            lock (_replica.Gate)
                return _replica.Transactions.Unsettled.Count;
        }
    }

    /// <inheritdoc/>
    public ValueTask<RangeDecision> DecideAsync(RangeDecide request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return RunAsync(_ => Attempt(request), RangeDecision.Failed);
    }

    /// <inheritdoc/>
    /// <remarks>What was closed stays so, whoever leads. When this succeeded no intent anywhere depends on what the range knows.</remarks>
    public async ValueTask<Failure?> CloseAsync()
    {
        if (await RunAsync(_ => Close(), failure => failure) is { } failure)
            return failure;
        var started = _options.Time.GetTimestamp();
        Finish(TakeUnsettled(Timestamp.Max));
        while (UnsettledTransactions is > 0 and var left)
        {
            if (_options.Time.GetElapsedTime(started) > ClosePatience)
                return Failure.NotApplied(ErrorCode.Unavailable, $"{left} commits of range {Range} are not confirmed yet by the other ranges that they touch") with { RetryAfter = OverloadedRetry };
            await Task.Delay(ClosePause, _options.Time);
        }

        return null;
    }

    private Attempted<Failure?> Close()
    {
        if (_refusal is not null)
            return _refusal;
        if (_ahead.FindResolve(TransactionId.None) is { } closing)
            return Attempted<Failure?>.After(closing.Task);

        // What stands prepared here is another anchor's to decide; a commit that is on its way is applied before the mark.
        return _replica.Transactions.IsClosed
            ? (Failure?)null
            : new Attempted<Failure?>(AnswerAsync(Enqueue([Resolution.Closed]), done => done.Failure), null);
    }

    private Attempted<RangeDecision> Attempt(RangeDecide request)
    {
        if (_refusal is not null)
            return RangeDecision.Failed(_refusal);
        var (transaction, state) = (request.Transaction, _replica.Transactions);
        if (!Has(TransactionFaults.ForgetDecision))
        {
            if (_ahead.FindCommit(transaction) is { } committing)
            {
                return new(AnswerAsync(
                    new(EnqueueRepeated(committing, Done)), done => done.Failure is { } lost ? RangeDecision.Failed(lost) : new RangeDecision { Outcome = committing.Timestamp }), null);
            }

            if (state.FindCommit(transaction) is { } committed)
                return new RangeDecision { Outcome = committed };
        }

        if (_ahead.FindResolve(transaction) is { } resolving)
            return Attempted<RangeDecision>.After(resolving.Task);
        if (state.Decisions.Find(transaction) is { } decision)
            return new RangeDecision { Outcome = decision == Resolution.Fence ? Timestamp.Zero : decision };

        // Of a commit that was settled the memory may be gone. Of one that stands prepared somewhere it is not.
        if (!request.IsPrepared && state.Commits.MayHaveForgotten(transaction))
            return RangeDecision.Failed(Forgotten(transaction));
        var now = _replica.Clock.Now();
        if (now > request.Deadline && !Has(TransactionFaults.NoDeadline))
        {
            if (!request.IsPrepared && now > request.Deadline.Add(TransactionLimits.RetryWindow))
                return RangeDecision.Failed(Forgotten(transaction));
            return new(AnswerAsync(Answer(Done, dependsOnProposal: false), Aborted), null);
        }

        if (!request.Aborts)
            return new RangeDecision();
        if (!MayStillPrepare(transaction, now))
            return RangeDecision.Failed(Invalid($"transaction {transaction} is over, or has not begun: there is nothing to decide"));
        return new(AnswerAsync(Enqueue([new Resolution(transaction, Timestamp.Zero)]), Aborted), null);

        static RangeDecision Aborted(WriteResult done) => done.Failure is { } lost ? RangeDecision.Failed(lost) : new RangeDecision { Outcome = Timestamp.Zero };
    }

    /// <summary>Why this range does not decide for others now; null when it does.</summary>
    private Failure? WhyNotDecide(RangeCommit request)
    {
        if (IsClosed)
            return KeyspaceGoes;
        if (_replica.Transactions.Unsettled.Count + _ahead.Unsettled >= TransactionMemory.MaxUnsettledPerRange)
        {
            return Failure.NotApplied(ErrorCode.Overloaded, $"too many commits of range {Range} are not confirmed yet by the other ranges that they touch") with
            {
                RetryAfter = OverloadedRetry,
            };
        }

        return Has(TransactionFaults.AnchorBelowPrepares) || _replica.Clock.TryReceive(request.After)
            ? null
            : Failure.NotApplied(ErrorCode.Unavailable, $"a participant's clock is too far ahead: {request.After}");
    }

    private Failure KeyspaceGoes => Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"the keyspace of range {Range} is being deleted");

    /// <summary>A new leader hands over everything: the coordinators may have waited for the one before.</summary>
    private void FinishUnsettled() => Finish(TakeUnsettled(Timestamp.Max));

    /// <summary>Time passes: commits of which nobody said that they are carried out everywhere are handed over.</summary>
    private void LookAfterUnsettled()
    {
        var now = _options.Time.GetTimestamp();
        lock (_replica.Gate)
        {
            if (_isStarting || IsStopped || _replica.Transactions.Unsettled.Count == 0 || _options.Time.GetElapsedTime(_lookedAfterUnsettled, now) < SettleInterval)
                return;
            _lookedAfterUnsettled = now;
        }

        Finish(TakeUnsettled(_replica.Clock.Now().Add(-SettlePatience)));
    }

    private List<UnsettledCommit> TakeUnsettled(Timestamp upTo)
    {
        lock (_replica.Gate)
            return [.. _replica.Transactions.Unsettled.ByAge.TakeWhile(commit => commit.Commit <= upTo).Take(MaxFinishedAtOnce)];
    }

    private void Finish(List<UnsettledCommit> commits)
    {
        foreach (var commit in commits)
            _options.Recovery.Finish(new Resolution(commit.Transaction, commit.Commit), commit.Others, Range);
    }
}

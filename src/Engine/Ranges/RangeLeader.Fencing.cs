using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Giving a transaction up whose coordinator is lost, so that what became of it can be told before its deadline.</summary>
public sealed partial class RangeLeader
{
    /// <summary>
    /// Tells what became of a transaction here; one of which nothing is known here neither prepares nor commits in this range any more, durably, when this is answered. What stands prepared is left to the
    /// decision. When every range has answered that it is fenced, nothing can come of the transaction.
    /// </summary>
    public ValueTask<FenceResult> FenceAsync(TransactionId transaction) => RunAsync(_ => Fence(transaction), FenceResult.Failed);

    private Attempted<FenceResult> Fence(TransactionId transaction)
    {
        if (_refusal is not null)
            return FenceResult.Failed(_refusal);
        if (_ahead.FindCommit(transaction) is { } committing)
            return new(AnswerAsync(new(EnqueueRepeated(committing, Done)), done => done.Failure is { } lost ? FenceResult.Failed(lost) : new FenceResult { Outcome = committing.Timestamp }), null);
        var state = _replica.Transactions;
        if (state.FindCommit(transaction) is { } committed)
            return new FenceResult { Outcome = committed };
        if (FindPrepared(transaction) is not null)
            return new FenceResult { IsPrepared = true };
        if (_ahead.FindResolve(transaction) is { } resolving)
            return Attempted<FenceResult>.After(resolving.Task);
        if (state.Decisions.Find(transaction) is { } decision)
            return decision == Resolution.Fence ? default(FenceResult) : new FenceResult { Outcome = decision };
        if (state.Commits.MayHaveForgotten(transaction))
            return FenceResult.Failed(Forgotten(transaction));
        if (!MayStillPrepare(transaction, _replica.Clock.Now()))
            return FenceResult.Failed(Failure.NotApplied(ErrorCode.InvalidRequest, $"transaction {transaction} is over, or has not begun: there is nothing to give up"));
        return new(AnswerAsync(Enqueue([new Resolution(transaction, Resolution.Fence)]), done => done.Failure is { } lost ? FenceResult.Failed(lost) : default), null);
    }
}

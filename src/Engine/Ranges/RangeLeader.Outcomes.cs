using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>What a leader can tell of transactions.</summary>
public sealed partial class RangeLeader
{
    /// <summary>Transactions that stand prepared here and are not decided.</summary>
    public int UndecidedTransactions
    {
        get
        {
            lock (_replica.Gate)
                return _replica.Transactions.Prepared.Count;
        }
    }

    /// <summary>What this range knows of a transaction: that it committed here, or what it was told of the decision; or that it certainly was not and will not be committed here.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="outcome">Its commit timestamp; zero when it aborted; null when it was not and will not be committed here.</param>
    /// <returns>
    /// Whether this leader can tell. That it finds nothing is a proof only from the transaction's deadline on, by a clock that successors begin above, as long as a commit would
    /// be remembered and none is on its way.
    /// </returns>
    public bool TryFindOutcome(TransactionId transaction, out Timestamp? outcome)
    {
        Timestamp now;
        lock (_replica.Gate)
        {
            outcome = null;
            if (_refusal is not null)
                return false;
            outcome = _replica.Transactions.FindOutcome(transaction);
            if (outcome is not null)
                return true;
            now = _replica.Clock.Now();
            if (_ahead.FindCommit(transaction) is not null || _replica.Transactions.Commits.MayHaveForgotten(transaction))
                return false;
        }

        return now > TransactionDeadline.Of(transaction) && now <= TransactionDeadline.RememberedUntil(transaction) && _log!.MayAnswer(now);
    }
}

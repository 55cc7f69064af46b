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

    /// <summary>What this range remembers of a transaction: that it committed here alone, or what it was told of the decision.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="outcome">Its commit timestamp; zero when it aborted; null when nothing is remembered.</param>
    /// <returns>Whether this leader can tell: it has applied everything of before, and nobody else leads.</returns>
    public bool TryFindOutcome(TransactionId transaction, out Timestamp? outcome)
    {
        outcome = null;
        lock (_replica.Gate)
        {
            if (_refusal is not null || !HasLease)
                return false;
        }

        outcome = _replica.FindOutcome(transaction);
        return true;
    }
}

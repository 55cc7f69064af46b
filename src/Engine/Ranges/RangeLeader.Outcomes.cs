using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>What a leader can tell of transactions that are over.</summary>
public sealed partial class RangeLeader
{
    /// <summary>When this range committed a transaction alone.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <returns>Zero: it did not, as far as it remembers. Null: this leader cannot tell, since another one may lead.</returns>
    public Timestamp? FindCommit(TransactionId transaction) => HasLease && !IsStopped ? Timestamp.Zero : null;
}

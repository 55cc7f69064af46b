using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// When a transaction is over, as everybody can tell from its id alone: nothing of it is prepared or decided at a timestamp above. It is the same for
/// short ones and long ones, so that whoever has only the id knows up to when a decision can still come and how long one is remembered.
/// </summary>
public static class TransactionDeadline
{
    /// <summary>From the beginning to the deadline.</summary>
    public static readonly TimeSpan Span = TransactionLimits.MaxDuration + TransactionLimits.PrepareTimeout + HybridLogicalClock.DefaultMaxOffset;

    /// <summary>The deadline.</summary>
    public static Timestamp Of(TransactionId transaction) => transaction.Began.Add(Span);

    /// <summary>Until when commits are remembered at least where they were decided.</summary>
    public static Timestamp RememberedUntil(TransactionId transaction) => Of(transaction).Add(TransactionLimits.RetryWindow);
}

using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>Counts the interactive transactions that are open on this node.</summary>
internal sealed class OpenTransactions
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <returns>Why there is no room; null when there is.</returns>
    public Failure? TryEnter()
    {
        if (Interlocked.Increment(ref _count) <= TransactionLimits.MaxOpenPerNode)
            return null;
        Leave();
        return Failure.NotApplied(ErrorCode.Overloaded, $"{TransactionLimits.MaxOpenPerNode} transactions are open on this node, which is the limit") with
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    public void Leave() => Interlocked.Decrement(ref _count);
}

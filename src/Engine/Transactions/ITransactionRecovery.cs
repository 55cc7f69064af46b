using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Finds out what became of transactions that stand prepared in a range, and has them resolved everywhere. A range's leader hands over what it finds
/// when it begins to lead, what is older than <see cref="TransactionLimits.PrepareTimeout"/>, and what somebody has been waiting for; the same transaction again and again
/// until it is resolved.
/// </summary>
public interface ITransactionRecovery
{
    /// <summary>
    /// Quick, non-blocking and idempotent; never throws. Called without a lock, on the thread of a tick. A transaction that is not old enough to be aborted and has no record yet
    /// is left alone: it will be handed over again.
    /// </summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="participants">Every range of it.</param>
    /// <param name="deadline">Nothing of it is decided at a timestamp above this: then no record means aborted.</param>
    /// <param name="prepared">The prepare timestamp of what was found: its age, from which on its coordinator is taken for lost.</param>
    void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared);
}

/// <summary>For ranges that no transaction ever reaches: nobody prepares there, so nothing is handed over.</summary>
public sealed class NoTransactionRecovery : ITransactionRecovery
{
    /// <summary>The only one.</summary>
    public static readonly NoTransactionRecovery Instance = new();

    private NoTransactionRecovery()
    {
    }

    /// <inheritdoc/>
    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared)
    {
    }
}

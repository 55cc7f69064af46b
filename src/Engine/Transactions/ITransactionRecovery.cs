using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Finds out what became of transactions that stand prepared in a range, and has them resolved everywhere. A range's leader hands over what it finds
/// when it begins to lead, what is older than <see cref="TransactionLimits.PrepareTimeout"/>, and what somebody has been waiting for; the same transaction again and again
/// until it is resolved. A leader also hands over commits that it decided for others too, and of which nobody told it that they were carried out everywhere.
/// </summary>
public interface ITransactionRecovery
{
    /// <summary>
    /// Quick, non-blocking and idempotent; never throws. Called without a lock, on the thread of a tick. A transaction that is not old enough to be aborted and not decided yet
    /// is left alone: it will be handed over again.
    /// </summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="participants">Every range of it, the anchor first.</param>
    /// <param name="deadline">Nothing of it is decided at a timestamp above this.</param>
    /// <param name="prepared">The prepare timestamp of what was found: its age, from which on its coordinator is taken for lost.</param>
    void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared);

    /// <summary>Tells the other participants of a commit once more, and its anchor when all have confirmed. The same of <see cref="Recover"/> holds.</summary>
    /// <param name="resolution">The commit.</param>
    /// <param name="others">The other participants.</param>
    /// <param name="anchor">The range that decided it.</param>
    void Finish(Resolution resolution, RangeId[] others, RangeId anchor);
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

    /// <inheritdoc/>
    public void Finish(Resolution resolution, RangeId[] others, RangeId anchor)
    {
    }
}

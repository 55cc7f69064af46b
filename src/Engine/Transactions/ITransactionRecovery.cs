using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Where a range's leader reports an intent whose outcome it does not know: one that somebody waits for, one older than
/// <see cref="TransactionLimits.PrepareTimeout"/>, or one that it found when it began to lead.
/// </summary>
public interface ITransactionRecovery
{
    /// <summary>
    /// Looks the decision up, once, and sends it to every participant. Where there is none yet and the intent is older than
    /// <see cref="TransactionLimits.PrepareTimeout"/>, the transaction is aborted by its record first; a younger one is left alone, so the leader
    /// reports it again while it stays. Returns at once; never throws. A report may be dropped when too many are under way, and one of a transaction that is
    /// being recovered changes nothing.
    /// </summary>
    /// <param name="transaction">Whose intent it is.</param>
    /// <param name="participants">Every range of it, as the intent names them.</param>
    /// <param name="deadline">After it nothing of the transaction is prepared or decided any more.</param>
    /// <param name="prepared">The intent's prepare timestamp: its age.</param>
    void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared);
}

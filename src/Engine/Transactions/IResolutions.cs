using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>Carries decisions to participants.</summary>
public interface IResolutions
{
    /// <summary>Sends a decision to every participant, again and again until each has it durably.</summary>
    /// <returns>Completes with true when all have confirmed; with false when it was given up, and recovery or the anchor will do it. Never fails.</returns>
    Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants);

    /// <summary>Tells an anchor, not at once, that every other participant has confirmed the commit of a transaction. Never fails; what is lost, the anchor has done again.</summary>
    void Settle(TransactionId transaction, RangeId anchor);
}

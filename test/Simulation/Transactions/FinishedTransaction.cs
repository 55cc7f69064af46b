using GrainDb.Histories.Isolation;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Simulation.Transactions;

/// <summary>One transaction at the end of its client's work with it: what the judge compares with the data.</summary>
/// <param name="Id">Its id; none where the client never learned it.</param>
/// <param name="Transaction">What the client saw.</param>
/// <param name="Written">Keys that it wrote or meant to write.</param>
/// <param name="Seen">The version that it saw of each key of its snapshot; zero for none.</param>
/// <param name="ReadTimestamp">The snapshot.</param>
internal sealed record FinishedTransaction(TransactionId Id, ClientTransaction Transaction, IReadOnlyCollection<string> Written, IReadOnlyDictionary<string, Timestamp> Seen, Timestamp ReadTimestamp)
{
    /// <summary>Whether it was told that the same request took effect before, in another transaction.</summary>
    public bool IsRepeated { get; init; }
}

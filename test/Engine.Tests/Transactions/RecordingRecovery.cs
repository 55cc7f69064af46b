using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Remembers what was handed over, and does nothing about it.</summary>
internal sealed class RecordingRecovery : ITransactionRecovery
{
    public List<TransactionId> Asked { get; } = [];

    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared) => Asked.Add(transaction);

    /// <summary>Commits that are to be carried out elsewhere.</summary>
    public List<(Resolution Commit, RangeId[] Others, RangeId Anchor)> Finishing { get; } = [];

    public void Finish(Resolution resolution, RangeId[] others, RangeId anchor) => Finishing.Add((resolution, others, anchor));
}

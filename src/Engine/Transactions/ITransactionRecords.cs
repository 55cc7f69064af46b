using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>The decisions, one row each. The row that is there is the decision; it is written once and never changed.</summary>
public interface ITransactionRecords
{
    /// <summary>Reads a decision; linearizable.</summary>
    ValueTask<RecordRead> ReadAsync(TransactionId transaction, TimeSpan timeout);

    /// <summary>
    /// Writes a decision if there is none yet, at a timestamp not above its deadline. This one write is the commit point.
    /// </summary>
    /// <returns>
    /// Why not; null when it stands. <see cref="ErrorCode.VersionMismatch"/>: there is a decision already, to be read. Not applied with
    /// any other code: this attempt has not written it and will not.
    /// </returns>
    ValueTask<Failure?> DecideAsync(TransactionRecord record, TimeSpan timeout);
}

/// <summary>What was found of a decision.</summary>
/// <param name="Failure">Why nothing could be read; null when it could.</param>
/// <param name="Record">The decision; null when there is none.</param>
/// <param name="ReadTimestamp">The snapshot that was read: when it lies above the deadline, none that is absent will ever come.</param>
public readonly record struct RecordRead(Failure? Failure, TransactionRecord? Record, Timestamp ReadTimestamp);

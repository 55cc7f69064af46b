using GrainDb.Engine.Time;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// What anybody does who meets an intent without knowing its outcome: reads the decision and sends it to all participants. Where there is none, and the
/// intent is older than <see cref="TransactionLimits.PrepareTimeout"/>, its coordinator is taken for lost: the decision to abort is written if there still is none, and whatever
/// is there then is obeyed. Above the deadline nothing is written any more: absent means aborted, since a record outlives the deadline and every intent.
/// <para>Any number may do this at once, and the coordinator with them: one row is written first. A crash at any point leaves the intent, which is met again.</para>
/// </summary>
public sealed class TransactionRecovery
{
    private readonly ITransactionRecords _records;
    private readonly IResolutions _resolutions;
    private readonly HybridLogicalClock _clock;

    /// <summary>Recovers on one node.</summary>
    public TransactionRecovery(ITransactionRecords records, IResolutions resolutions, HybridLogicalClock clock)
    {
        ArgumentNullException.ThrowIfNull(records);
        ArgumentNullException.ThrowIfNull(resolutions);
        ArgumentNullException.ThrowIfNull(clock);
        _records = records;
        _resolutions = resolutions;
        _clock = clock;
    }

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal CoordinatorFaults Faults { get; init; }

    /// <summary>Finds the decision, or makes it, and sends it on its way.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="participants">Every range of it.</param>
    /// <param name="deadline">Its deadline.</param>
    /// <param name="prepared">Timestamp of the oldest intent that was met.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <returns>The decision; null when there is none yet, or it could not be told.</returns>
    public async Task<Resolution?> RecoverAsync(TransactionId transaction, IReadOnlyList<RangeId> participants, Timestamp deadline, Timestamp prepared, TimeSpan timeout)
    {
        var decision = await FindOrAbortAsync(new TransactionRecord(transaction, Timestamp.Zero, deadline, participants), prepared, timeout);
        if (decision is { } resolution)
            _ = _resolutions.ResolveAsync(resolution, participants);
        return decision;
    }

    private async Task<Resolution?> FindOrAbortAsync(TransactionRecord aborted, Timestamp prepared, TimeSpan timeout)
    {
        if (await _records.ReadAsync(aborted.Transaction, timeout) is not { Failure: null } found)
            return null;
        if (found.Record is { } record)
            return record.Resolution;
        if (found.ReadTimestamp > aborted.Deadline)
            return aborted.Resolution;
        if (_clock.Now() < prepared.Add(TransactionLimits.PrepareTimeout))
            return null;
        if (Faults.HasFlag(CoordinatorFaults.RecoverWithoutRecord))
            return aborted.Resolution;
        return await _records.DecideAsync(aborted, timeout) switch
        {
            null => aborted.Resolution,
            { Code: ErrorCode.VersionMismatch } => (await _records.ReadAsync(aborted.Transaction, timeout)).Record?.Resolution,
            _ => null,
        };
    }
}

using System.Diagnostics.Metrics;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Transactions;

/// <summary>What transactions measure.</summary>
internal static class TransactionInstruments
{
    /// <summary>From the commit, or the one request, to its answer.</summary>
    public static readonly Histogram<double> Duration = NodeInstruments.Meter.CreateHistogram<double>(
        "graindb.txn.duration", "s", "Time from the request to commit to its answer.");

    public static readonly Counter<long> Conflicts = NodeInstruments.Meter.CreateCounter<long>(
        "graindb.txn.conflicts", "{transaction}", "Transactions that were answered with a conflict, by what they met.");

    /// <param name="elapsed">How long it took.</param>
    /// <param name="failure">Why it did not commit; null when it did.</param>
    public static void Answered(TimeSpan elapsed, Failure? failure)
    {
        var outcome = failure switch
        {
            null => "committed",
            { Outcome: Outcome.Unknown } => "unknown",
            { Code: ErrorCode.TransactionConflict } => "conflict",
            _ => "aborted",
        };
        Duration.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));
        if (failure is { Code: ErrorCode.TransactionConflict })
            Conflicts.Add(1, new KeyValuePair<string, object?>("reason", NameOf(failure.Conflict)));
    }

    private static string NameOf(ConflictReason reason) => reason switch
    {
        ConflictReason.Changed => "changed",
        ConflictReason.Undecided => "undecided",
        ConflictReason.Condition => "condition",
        ConflictReason.Snapshot => "snapshot",
        ConflictReason.Aborted => "aborted",
        _ => "other",
    };
}

using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Takes the records of one range of <c>system.transactions</c> away when nobody can need them any more: their deadline and the clients' retry window are over, and every
/// participant has confirmed, durably, after being told once more. Until then a record stays, whatever it costs: a decision that is gone reads as an abort.
/// </summary>
/// <param name="range">Leader of the range of records.</param>
/// <param name="bounds">The range.</param>
/// <param name="resolutions">How participants are told.</param>
/// <param name="clock">The node's clock.</param>
/// <param name="time">Source of durations.</param>
public sealed class RecordSweeper(IKeyRange range, RangeDescriptor bounds, IResolutions resolutions, HybridLogicalClock clock, TimeProvider time)
{
    /// <summary>Records looked at in one go, and removed in one commit.</summary>
    private const int RecordsPerPage = 500;

    /// <summary>How long a page waits for its participants; those whose have not confirmed then stay for the next round.</summary>
    private static readonly TimeSpan ConfirmationPatience = TimeSpan.FromSeconds(5);

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal CoordinatorFaults Faults { get; init; }

    /// <summary>Goes through the range once.</summary>
    /// <returns>Records removed, and rows that cannot be read.</returns>
    public async Task<(int Removed, int Unreadable)> SweepAsync(CancellationToken cancellationToken)
    {
        var (removed, unreadable) = (0, 0);
        var start = bounds.Start;
        var at = Timestamp.Zero;
        while (!cancellationToken.IsCancellationRequested)
        {
            var page = await range.ScanAsync(new RangeScan(start, bounds.End, at, RecordsPerPage, Reverse: false, KeysOnly: false, KeyLimits.MaxScanPageBytes, Filter: null, bounds.Generation));
            if (page.Failure is not null)
                break;
            var due = new List<(ScanItem Row, TransactionRecord Record)>();
            foreach (var row in page.Items)
            {
                if (TryDecode(row) is not { } record)
                    unreadable++;
                else if (IsDue(record))
                    due.Add((row, record));
            }

            removed += await RemoveAsync(due);
            if (page.ResumeKey is not { } resume)
                break;
            (start, at) = (resume, page.ReadTimestamp);
        }

        return (removed, unreadable);
    }

    /// <summary>The clock of whoever asks for it may be behind this one: to that one the window is not over yet, and no record would say that there was no commit.</summary>
    private bool IsDue(TransactionRecord record) =>
        clock.Now() > record.Deadline.Add(TransactionLimits.RetryWindow + clock.MaxOffset) || Faults.HasFlag(CoordinatorFaults.DeleteRecordEarly);

    private async Task<int> RemoveAsync(List<(ScanItem Row, TransactionRecord Record)> due)
    {
        if (due.Count == 0)
            return 0;
        var confirmed = due.ConvertAll(one => (one.Row, Task: Faults.HasFlag(CoordinatorFaults.DeleteRecordEarly)
            ? Task.FromResult(true)
            : resolutions.ResolveAsync(one.Record.Resolution, one.Record.Participants)));
        await Task.WhenAny(Task.WhenAll(confirmed.Select(one => one.Task)), Task.Delay(ConfirmationPatience, time));

        // A record is never changed: one with another version would not be the one whose participants were asked.
        KeyWrite[] removals =
        [
            .. confirmed
                .Where(one => one.Task is { IsCompletedSuccessfully: true, Result: true })
                .Select(one => new KeyWrite(one.Row.Key, WriteKind.Delete, default, "", new WriteCondition(ConditionKind.VersionEquals, one.Row.Version), TimeToLive: null)),
        ];
        if (removals.Length == 0)
            return 0;
        var result = await range.WriteAsync(new RangeWrite(removals, bounds.Generation));
        return result.Failure is null ? removals.Length : 0;
    }

    private static TransactionRecord? TryDecode(ScanItem row)
    {
        try
        {
            return TransactionRecord.Decode(Ranges.RoutingKey.ToUserKey(Interfaces.Keyspaces.KeyspacePartitioning.Hash, row.Key).Span, row.Value.Span);
        }
        catch (InvalidDataException)
        {
            return null; // counted: a newer version's record is its business
        }
    }
}

using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// What became of a transaction, by its id alone: its coordinator knows, while it is there; else its record; else a range that committed it alone or was told of the decision. That nobody knows anything is
/// an answer only after the deadline, when nothing can be decided any more, while ranges still remember, and when every one of them was asked.
/// </summary>
internal sealed class TransactionSearch(ITransactionRecords records, MetaCache meta, LiveNodes live, HybridLogicalClock clock, IGrainFactory grains, TimeProvider time)
{
    private static readonly TimeSpan CoordinatorPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Ranges that are woken to be asked.</summary>
    private const int MaxWakes = 64;

    /// <summary>Whether a transaction of this id can have begun, not too long ago.</summary>
    public bool MayHaveBegun(TransactionId transaction)
    {
        var now = clock.Now();
        return transaction.Began <= now.Add(clock.MaxOffset) && !IsForgotten(transaction);
    }

    /// <summary>Whether a transaction of this id can have been, so long ago that nobody remembers.</summary>
    public bool IsForgotten(TransactionId transaction) => clock.Now() > TransactionDeadline.RememberedUntil(transaction);

    public async Task<TransactionView?> FindAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        if (MayHaveBegun(transaction)
            && await AskCoordinatorAsync(transaction, timeout / 2 < CoordinatorPatience ? timeout / 2 : CoordinatorPatience, cancellationToken) is { } known
            && known.Status != TransactionStatus.Unknown)
        {
            return known;
        }

        return await FindDecisionAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken);
    }

    /// <summary>The same without its coordinator.</summary>
    public async Task<TransactionView?> FindDecisionAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        if (transaction.Began > clock.Now().Add(clock.MaxOffset))
            return null;
        var found = await records.ReadAsync(transaction, timeout);
        cancellationToken.ThrowIfCancellationRequested();
        if (found.Record is { } record)
        {
            return record.IsCommitted
                ? new TransactionView(transaction, TransactionStatus.Committed, record.CommitTimestamp, null)
                : new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, Aborted);
        }

        var isPastDeadline = found.Failure is null && found.ReadTimestamp > TransactionDeadline.Of(transaction);
        var (commit, isAborted, hasAskedAll) = await AskRangesAsync(transaction, all: isPastDeadline, timeout - time.GetElapsedTime(started), cancellationToken);
        if (!commit.IsZero)
            return new TransactionView(transaction, TransactionStatus.Committed, commit, null);
        if (isAborted)
            return new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, Aborted);
        if (found.Failure is not null)
            return Unknown(transaction, "the records of transactions cannot be read now");
        if (!isPastDeadline)
            return Unknown(transaction, "it has not been decided yet");
        if (IsForgotten(transaction))
            return null;
        return hasAskedAll
            ? new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, "its deadline is over and it was never committed")
            : Unknown(transaction, "not every range could be asked now");
    }

    private const string Aborted = "it was aborted: a conflict, or its coordinator was lost before the commit";

    private static TransactionView Unknown(TransactionId transaction, string why) => new(transaction, TransactionStatus.Unknown, Timestamp.Zero, why);

    private async Task<TransactionView?> AskCoordinatorAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<ITransactionGrain>(transaction.ToString()).FindAsync().WaitAsync(timeout, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return null; // its node is gone, or busy: others know what is decided
        }
    }

    /// <summary>Asks the ranges that are led; when every one has to be asked, also those that are not, which have to be woken first.</summary>
    private async Task<(Timestamp Commit, bool IsAborted, bool HasAskedAll)> AskRangesAsync(TransactionId transaction, bool all, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var missing = meta.Current?.Ranges.Where(range => !range.Keyspace.StartsWith("system.", StringComparison.Ordinal)).Select(range => range.Id).ToHashSet() ?? [];
        while (true)
        {
            var answers = await AskNodesAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken);
            foreach (var answer in answers)
            {
                if (!answer.Commit.IsZero || answer.IsAborted)
                    return (answer.Commit, answer.IsAborted, true);
                missing.ExceptWith(answer.Asked);
            }

            if (missing.Count == 0 || !all || missing.Count > MaxWakes || timeout - time.GetElapsedTime(started) <= Pause)
                return (Timestamp.Zero, false, missing.Count == 0);
            foreach (var range in missing)
                grains.GetGrain<IKeyRangeGrain>(range.Value).WakeAsync().Ignore();
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private async Task<IReadOnlyList<TransactionMemories>> AskNodesAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (timeout <= TimeSpan.Zero)
            return [];
        var asked = live.Names().Select(name => grains.GetGrain<INodeGrain>(name).FindTransactionAsync(transaction)).ToList();
        await ((Task)Task.WhenAll(asked)).WaitAsync(timeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var late in asked.Where(one => !one.IsCompleted))
            late.Ignore();
        return [.. asked.Where(one => one.IsCompletedSuccessfully).Select(one => one.Result)];
    }
}

using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// What became of a transaction, by its id alone: its coordinator knows, while it is there; else the range that committed it, or one that was told of the decision. That nobody knows anything is
/// an answer only when every range was asked and nothing can be decided any more: after the deadline, while ranges still remember; or, where the coordinator is lost, once every range was made to take nothing of the
/// transaction any more (docs/protocols/transactions.md, "Giving up").
/// </summary>
internal sealed class TransactionSearch(MetaCache meta, LiveNodes live, HybridLogicalClock clock, IGrainFactory grains, TimeProvider time)
{
    private static readonly TimeSpan CoordinatorPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Ranges that are woken to be asked.</summary>
    private const int MaxWakes = 64;

    /// <summary>Transactions that this node gives up at a time: each is a record in every range.</summary>
    private const int MaxFences = 16;

    private int _fences;

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
        if (!MayHaveBegun(transaction))
            return await FindDecisionAsync(transaction, timeout, cancellationToken);
        var (hasAnswered, known) = await AskCoordinatorAsync(transaction, timeout / 2 < CoordinatorPatience ? timeout / 2 : CoordinatorPatience, cancellationToken);
        if (known is not null && known.Status != TransactionStatus.Unknown)
            return known;
        var found = await FindDecisionAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken);
        var isLost = hasAnswered && known is null && clock.Now() > transaction.Began.Add(TransactionLimits.PrepareTimeout);
        return isLost && found?.Status == TransactionStatus.Unknown
            ? await GiveUpAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken)
            : found;
    }

    /// <summary>The same without its coordinator.</summary>
    public async Task<TransactionView?> FindDecisionAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var now = clock.Now();
        if (transaction.Began > now.Add(clock.MaxOffset))
            return null;
        var isPastDeadline = now > TransactionDeadline.Of(transaction);
        var answer = await AskRangesAsync(transaction, fences: false, all: isPastDeadline, timeout, cancellationToken);
        if (!answer.Commit.IsZero)
            return new TransactionView(transaction, TransactionStatus.Committed, answer.Commit, null);
        if (answer.IsAborted)
            return new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, Aborted);
        if (!isPastDeadline)
            return Unknown(transaction, "it has not been decided yet");
        if (IsForgotten(transaction))
            return null;
        return answer.HasAskedAll
            ? new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, "its deadline is over and it was never committed")
            : Unknown(transaction, "not every range could be asked now");
    }

    /// <summary>
    /// Has every range tell, or take nothing of it any more. The anchor is among them, so what is decided is told, and what is not decided never will be.
    /// </summary>
    private async Task<TransactionView> GiveUpAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _fences) > MaxFences)
                return Unknown(transaction, "too many transactions are being given up just now");
            // A keyspace may be younger than this node's view.
            await meta.RefreshAsync(cancellationToken).WaitAsync(timeout, time, cancellationToken);
            var answer = await AskRangesAsync(transaction, fences: true, all: true, timeout, cancellationToken);
            if (!answer.Commit.IsZero)
                return new TransactionView(transaction, TransactionStatus.Committed, answer.Commit, null);
            if (answer.IsAborted)
                return new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, Aborted);
            if (answer.IsPrepared)
                return Unknown(transaction, "its coordinator is lost; it is being decided");
            return answer.HasAskedAll
                ? new TransactionView(transaction, TransactionStatus.Aborted, Timestamp.Zero, "its coordinator was lost before the commit")
                : Unknown(transaction, "its coordinator is lost, and not every range could be asked now");
        }
        catch (Exception exception) when (exception is GrainDbException or TimeoutException)
        {
            return Unknown(transaction, "its coordinator is lost, and the ranges cannot be found now");
        }
        finally
        {
            Interlocked.Decrement(ref _fences);
        }
    }

    private const string Aborted = "it was aborted: a conflict, or its coordinator was lost before the commit";

    private static TransactionView Unknown(TransactionId transaction, string why) => new(transaction, TransactionStatus.Unknown, Timestamp.Zero, why);

    /// <returns>Whether an activation answered, and what it said: nothing when it did not begin the transaction.</returns>
    private async Task<(bool HasAnswered, TransactionView? View)> AskCoordinatorAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return (true, await grains.GetGrain<ITransactionGrain>(transaction.ToString()).FindAsync().WaitAsync(timeout, time, cancellationToken));
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return (false, null); // its node is gone, or busy: others know what is decided
        }
    }

    /// <summary>Asks the ranges that are led; when every one has to be asked, also those that are not, which have to be woken first.</summary>
    private async Task<RangeAnswers> AskRangesAsync(TransactionId transaction, bool fences, bool all, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var isPrepared = false;
        var missing = meta.Current is { } snapshot ? snapshot.Ranges.Where(range => MayTakePart(snapshot, range)).Select(range => range.Id).ToHashSet() : [];
        while (true)
        {
            var answers = await AskNodesAsync(transaction, fences, timeout - time.GetElapsedTime(started), cancellationToken);
            foreach (var answer in answers)
            {
                if (!answer.Commit.IsZero || answer.IsAborted)
                    return new(answer.Commit, answer.IsAborted, isPrepared, true);
                isPrepared |= answer.IsPrepared;
                missing.ExceptWith(answer.Asked);
            }

            if (missing.Count == 0 || !all || missing.Count > MaxWakes || timeout - time.GetElapsedTime(started) <= Pause)
                return new(Timestamp.Zero, false, isPrepared, missing.Count == 0);
            foreach (var range in missing)
                grains.GetGrain<IKeyRangeGrain>(range.Value).WakeAsync().Ignore();
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private static bool MayTakePart(MetaSnapshot snapshot, RangeDescriptor range) =>
        range.Keyspace != SystemKeyspaces.Meta && snapshot.FindKeyspace(range.Keyspace) is { Keyspace.Family: KeyspaceFamily.Strong };

    private async Task<IReadOnlyList<TransactionMemories>> AskNodesAsync(TransactionId transaction, bool fences, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (timeout <= TimeSpan.Zero)
            return [];
        var asked = live.Names().Select(name => grains.GetGrain<INodeGrain>(name)).Select(node => fences ? node.FenceTransactionAsync(transaction) : node.FindTransactionAsync(transaction)).ToList();
        await ((Task)Task.WhenAll(asked)).WaitAsync(timeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var late in asked.Where(one => !one.IsCompleted))
            late.Ignore();
        return [.. asked.Where(one => one.IsCompletedSuccessfully).Select(one => one.Result)];
    }

    private readonly record struct RangeAnswers(Timestamp Commit, bool IsAborted, bool IsPrepared, bool HasAskedAll);
}

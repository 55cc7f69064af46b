using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// Runs transactions that came whole. One that lies in one range is handed to its leader, which evaluates it against its newest state in one round; any other is
/// coordinated here (<see cref="OneRequestTransaction"/>).
/// </summary>
internal sealed class OneRequestRuns(CoordinatorContext context, MetaCache meta, RangeCalls calls, TimeProvider time)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    public async ValueTask<TransactResult> RunAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (OneRequestTransaction.WhyNot(request, context) is { } invalid)
            return TransactResult.Failed(invalid);
        var started = time.GetTimestamp();

        // A view that is older than a keyspace would not see in how many ranges the transaction lies.
        foreach (var keyspace in TransactRoute.Keyspaces(request))
        {
            if (await context.Ranges.FindKeyspaceAsync(keyspace, timeout, cancellationToken) is null)
                return TransactResult.Failed(Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'"));
        }

        var result = meta.Current is { } snapshot && TransactRoute.Find(snapshot, request) is not null
            ? await RunInOneRangeAsync(request, timeout, cancellationToken)
            : null;
        result ??= await new OneRequestTransaction(context, request).RunAsync(timeout - time.GetElapsedTime(started), cancellationToken);
        TransactionInstruments.Answered(time.GetElapsedTime(started), result.Failure);
        return result;
    }

    /// <summary>
    /// The same attempt is made again after one without an answer: the range knows it by its id. What it refuses then says nothing of the one that may still be on its way; so the
    /// range is told of an abort first, and what it says after that holds for both.
    /// </summary>
    /// <returns>Null: it lies in one range no more.</returns>
    private async Task<TransactResult?> RunInOneRangeAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        TimeSpan Left() => timeout - time.GetElapsedTime(started);
        var id = context.NewId();
        RangeId? uncertain = null;
        TransactResult? refused = null;
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            (KeyspaceMap Map, RangeDescriptor Range)? route = null;
            var result = await calls.RunAsync(
                snapshot => (route = TransactRoute.Find(snapshot, request)) is var (map, range)
                    ? calls.Leader(range.Id).TransactAsync(new RangeTransact(TransactRoute.ToRange(request, map), id, TransactionDeadline.Of(id), range.Generation))
                    : new(new TransactResult()),
                result => result.Failure,
                TransactResult.Failed,
                isWrite: request.Writes.Count > 0,
                waitsForLeader: true,
                Left(),
                cancellationToken);
            if (route is null && result.Failure is null && uncertain is null)
                return null;
            var isAnswered = route is not null && result.Failure is null;
            if (isAnswered && (result.Committed || uncertain is null))
                return Answered(request, result);

            // A check that does not hold is a refusal like others: it may have held for the attempt that is still on its way.
            var failure = isAnswered ? null : ToUser(result.Failure ?? RangesChanged, route?.Map.Keyspace);
            if (failure is not null && failure.Outcome != Outcome.NotApplied)
                uncertain = route?.Range.Id ?? uncertain;
            else if (uncertain is null && !IsWorthAnother(failure!))
                return TransactResult.Failed(failure!);
            else if (uncertain is { } range && (failure is null || !IsWorthAnother(failure)))
            {
                if (failure?.Code == ErrorCode.TransactionExpired)
                    return refused ?? TransactResult.Failed(failure);
                refused ??= failure is null ? Answered(request, result) : TransactResult.Failed(failure);
                await ((Task)AbortAsync(id, range)).WaitAsync(Left() > TimeSpan.Zero ? Left() : TimeSpan.Zero, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            var jittered = context.Jittered(pause);
            if (Left() <= jittered)
            {
                if (uncertain is not { } open)
                    return TransactResult.Failed(failure!);
                _ = AbortAsync(id, open); // whoever asks what became of it need not wait for its deadline
                return TransactResult.Failed(UnknownOf(id));
            }

            await Task.Delay(jittered, time, cancellationToken);
        }
    }

    private Task<bool> AbortAsync(TransactionId id, RangeId range) => context.Resolutions.ResolveAsync(new Resolution(id, Timestamp.Zero), [range]);

    /// <summary>What the same attempt may not meet in a moment.</summary>
    private static bool IsWorthAnother(Failure failure) => failure.Code is ErrorCode.TransactionConflict or ErrorCode.IdempotencyInProgress;

    /// <summary>A range that is asked again tells when it committed; what was read then it remembers only with an idempotency key.</summary>
    private TransactResult Answered(TransactRequest request, TransactResult result)
    {
        context.Clock.TryReceive(result.CommitTimestamp);
        if (!result.Committed || (result.Reads.Count == request.Reads.Count && result.Increments.Count == request.Writes.Count))
            return result;
        return request.Reads.Count == 0 && request.Writes.All(write => write.Increment is null)
            ? result with { Increments = new long?[request.Writes.Count] }
            : TransactResult.Failed(Lost(result));
    }

    private static Failure Lost(TransactResult result) =>
        new(ErrorCode.OutcomeUnknown, Outcome.Applied, $"the transaction is committed at {result.CommitTimestamp}; what it read was lost on the way") { Transaction = result.Transaction };

    private static Failure RangesChanged => Failure.NotApplied(ErrorCode.Unavailable, "the ranges of the keyspace are changing");

    private static Failure ToUser(Failure failure, KeyspaceDescriptor? keyspace) => keyspace is null ? failure : ConflictKeys.ToUser(failure, keyspace);

    private static Failure UnknownOf(TransactionId id) =>
        Failure.Unknown(ErrorCode.OutcomeUnknown, $"transaction {id} was not answered in time; ask for it") with { Transaction = id };
}

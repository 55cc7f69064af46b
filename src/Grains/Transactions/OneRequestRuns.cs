using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
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

    /// <returns>Null: it lies in one range no more.</returns>
    private async Task<TransactResult?> RunInOneRangeAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        TimeSpan Left() => timeout - time.GetElapsedTime(started);
        var id = context.NewId();
        var mayHaveHappened = false;
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            KeyspaceDescriptor? keyspace = null;
            var result = await calls.RunAsync(
                snapshot =>
                {
                    if (TransactRoute.Find(snapshot, request) is not { } route)
                    {
                        keyspace = null;
                        return new(new TransactResult());
                    }

                    keyspace = route.Map.Keyspace;
                    return calls.Leader(route.Range.Id).TransactAsync(new RangeTransact(TransactRoute.ToRange(request, route.Map), id, TransactionDeadline.Of(id), route.Range.Generation));
                },
                result => result.Failure,
                TransactResult.Failed,
                isWrite: request.Writes.Count > 0,
                waitsForLeader: true,
                Left(),
                cancellationToken);
            if (keyspace is null && result.Failure is null && !mayHaveHappened)
                return null;
            if (keyspace is not null && result.Failure is null)
                return Answered(request, TransactRoute.ToUser(result, keyspace));
            if (Final(result.Failure ?? RangesChanged, keyspace, id, ref mayHaveHappened) is { } final)
                return TransactResult.Failed(final);
            var jittered = context.Jittered(pause);
            if (Left() <= jittered)
                return TransactResult.Failed(mayHaveHappened ? UnknownOf(id) : ToUser(result.Failure ?? RangesChanged, keyspace));
            await Task.Delay(jittered, time, cancellationToken);
        }
    }

    /// <summary>
    /// The same attempt is made again after one without an answer: the range knows it by its id. What it refuses then says nothing of the one that is still on its way.
    /// </summary>
    private static Failure? Final(Failure failure, KeyspaceDescriptor? keyspace, TransactionId id, ref bool mayHaveHappened)
    {
        mayHaveHappened |= failure.Outcome == Outcome.Unknown;
        if (failure is { Code: ErrorCode.TransactionConflict, Outcome: Outcome.NotApplied } or { Code: ErrorCode.OutcomeUnknown })
            return null;
        return mayHaveHappened ? UnknownOf(id) : ToUser(failure, keyspace);
    }

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

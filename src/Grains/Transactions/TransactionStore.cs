using GrainDb.Engine.Transactions;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// Transactions as this node offers them. An interactive one lives in a grain on the node that began it; one that came whole is run here (<see cref="OneRequestRuns"/>). What became
/// of one whose node is gone is found by its id (<see cref="TransactionSearch"/>).
/// </summary>
internal sealed class TransactionStore(
    CoordinatorContext context, OneRequestRuns runs, TransactionSearch search, NodeOptions node, IGrainFactory grains, TimeProvider time) : ITransactionStore
{
    /// <summary>Time for the answer of the transaction's node to come back.</summary>
    private static readonly TimeSpan AnswerMargin = TimeSpan.FromMilliseconds(100);

    public async Task<TransactionBegun> BeginAsync(TransactionOptions options, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (TransactionCoordinator.WhyNotBegin(options, context.Clock.Now()) is { } invalid)
            return TransactionBegun.Failed(invalid);
        var id = context.NewId();
        return await CallAsync(
            id,
            grain => grain.BeginAsync(options),
            TransactionBegun.Failed,
            Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} could not begin a transaction in time"),
            timeout,
            cancellationToken);
    }

    public Task<TransactionView?> FindAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken) =>
        search.FindAsync(transaction, timeout, cancellationToken);

    public async ValueTask<ReadResult> ReadAsync(TransactionId transaction, string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var result = await CallAsync(transaction, grain => grain.ReadAsync(keyspace, key, WithMargin(timeout)), ReadResult.Failed, Unreachable, timeout, cancellationToken);
        return result with { Failure = OrOver(transaction, result.Failure) };
    }

    public async ValueTask<ScanResult> ScanAsync(TransactionId transaction, string keyspace, ScanQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var result = await CallAsync(transaction, grain => grain.ScanAsync(keyspace, query, WithMargin(timeout)), ScanResult.Failed, Unreachable, timeout, cancellationToken);
        return result with { Failure = OrOver(transaction, result.Failure) };
    }

    public async ValueTask<Failure?> WriteAsync(TransactionId transaction, string keyspace, KeyWrite write, TimeSpan timeout, CancellationToken cancellationToken) =>
        OrOver(transaction, await CallAsync(
            transaction,
            grain => grain.WriteAsync(keyspace, write, WithMargin(timeout)),
            failure => failure,
            UnknownOf(transaction, "the transaction's node did not answer in time; the write may have been taken"),
            timeout,
            cancellationToken));

    public async Task<CommitResult> CommitAsync(TransactionId transaction, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var result = await CallAsync(
            transaction,
            grain => grain.CommitAsync(idempotency, WithMargin(timeout)),
            CommitResult.Failed,
            UnknownOf(transaction, "the transaction's node did not answer in time; it may be committed"),
            timeout,
            cancellationToken);

        // Its node forgot it, or was lost: it is what it is.
        if (result.Failure is not { Code: ErrorCode.TransactionNotFound or ErrorCode.OutcomeUnknown } failure)
            return result;
        return await search.FindDecisionAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken) switch
        {
            { Status: TransactionStatus.Committed } view => new CommitResult { CommitTimestamp = view.CommitTimestamp },
            { Status: TransactionStatus.Aborted } => CommitResult.Failed(Over(transaction)),
            { Status: TransactionStatus.Unknown } when failure.Code == ErrorCode.TransactionNotFound => CommitResult.Failed(NodeIsGone(transaction)),
            null when failure.Code == ErrorCode.TransactionNotFound && search.IsForgotten(transaction) => CommitResult.Failed(Forgotten(transaction)),
            _ => result,
        };
    }

    public async Task<Failure?> RollbackAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var failure = await CallAsync(
            transaction,
            grain => grain.RollbackAsync(WithMargin(timeout)),
            failure => failure,
            UnknownOf(transaction, "the transaction's node did not answer in time"),
            timeout,
            cancellationToken);
        if (failure is not { Code: ErrorCode.TransactionNotFound } || !search.MayHaveBegun(transaction))
            return failure;
        return await search.FindDecisionAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken) switch
        {
            { Status: TransactionStatus.Committed } => new Failure(ErrorCode.TransactionExpired, Outcome.Applied, $"transaction {transaction} is committed"),
            { Status: TransactionStatus.Unknown } => NodeIsGone(transaction),
            _ => null,
        };
    }

    public async Task<TransactionBegun> KeepAliveAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var result = await CallAsync(transaction, grain => grain.KeepAliveAsync(), TransactionBegun.Failed, Unreachable, timeout, cancellationToken);
        return result with { Failure = OrOver(transaction, result.Failure) };
    }

    public ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken) =>
        runs.RunAsync(request, timeout, cancellationToken);

    private async Task<T> CallAsync<T>(
        TransactionId transaction,
        Func<ITransactionGrain, Task<T>> ask,
        Func<Failure, T> failed,
        Failure withoutAnswer,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        try
        {
            return await ask(grains.GetGrain<ITransactionGrain>(transaction.ToString())).WaitAsync(timeout, time, cancellationToken);
        }
        catch (PlacementUnavailableException exception)
        {
            return failed(Failure.NotApplied(ErrorCode.Unavailable, exception.Message));
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            return failed(withoutAnswer);
        }
    }

    /// <summary>Whoever has a plausible id had a transaction once.</summary>
    private Failure? OrOver(TransactionId transaction, Failure? failure) =>
        failure is { Code: ErrorCode.TransactionNotFound } && search.MayHaveBegun(transaction) ? Over(transaction) : failure;

    private static Failure NodeIsGone(TransactionId transaction) => UnknownOf(transaction, "the transaction's node is gone; whether it had been committed is not known yet");

    private static Failure Forgotten(TransactionId transaction) =>
        Failure.Unknown(ErrorCode.TransactionNotFound, $"transaction {transaction} ended so long ago that nobody remembers whether it was committed");

    private static TimeSpan WithMargin(TimeSpan timeout) => timeout - (timeout / 4 < AnswerMargin ? timeout / 4 : AnswerMargin);

    private static Failure Unreachable => Failure.NotApplied(ErrorCode.Unavailable, "the transaction's node did not answer in time");

    private static Failure UnknownOf(TransactionId transaction, string detail) => Failure.Unknown(ErrorCode.OutcomeUnknown, detail) with { Transaction = transaction };

    private static Failure Over(TransactionId transaction) =>
        Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {transaction} is over: it expired, was rolled back, or lost its node; begin another");
}

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
            begun => begun.Failure,
            TransactionBegun.Failed,
            Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} could not begin a transaction in time"),
            timeout,
            cancellationToken);
    }

    public Task<TransactionView?> FindAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken) =>
        search.FindAsync(transaction, timeout, cancellationToken);

    public async ValueTask<ReadResult> ReadAsync(TransactionId transaction, string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken) => await CallAsync(
        transaction,
        grain => grain.ReadAsync(keyspace, key, WithMargin(timeout)),
        result => result.Failure,
        ReadResult.Failed,
        Unreachable,
        timeout,
        cancellationToken);

    public async ValueTask<ScanResult> ScanAsync(TransactionId transaction, string keyspace, ScanQuery query, TimeSpan timeout, CancellationToken cancellationToken) => await CallAsync(
        transaction,
        grain => grain.ScanAsync(keyspace, query, WithMargin(timeout)),
        result => result.Failure,
        ScanResult.Failed,
        Unreachable,
        timeout,
        cancellationToken);

    public async ValueTask<Failure?> WriteAsync(TransactionId transaction, string keyspace, KeyWrite write, TimeSpan timeout, CancellationToken cancellationToken) => await CallAsync(
        transaction,
        grain => grain.WriteAsync(keyspace, write, WithMargin(timeout)),
        failure => failure,
        failure => failure,
        UnknownOf(transaction, "the transaction's node did not answer in time; the write may have been taken"),
        timeout,
        cancellationToken);

    public async Task<CommitResult> CommitAsync(TransactionId transaction, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var budget = time.GetTimestamp();
        var result = await CallAsync(
            transaction,
            grain => grain.CommitAsync(idempotency, WithMargin(timeout)),
            result => result.Failure,
            CommitResult.Failed,
            UnknownOf(transaction, "the transaction's node did not answer in time; it may be committed"),
            timeout,
            cancellationToken);

        // Asked again after its node forgot it, or was lost: it is what it is.
        if (result.Failure is not { Code: ErrorCode.TransactionExpired or ErrorCode.TransactionNotFound or ErrorCode.OutcomeUnknown })
            return result;
        var view = await search.FindDecisionAsync(transaction, timeout - time.GetElapsedTime(budget), cancellationToken);
        return view switch
        {
            { Status: TransactionStatus.Committed } => new CommitResult { CommitTimestamp = view.CommitTimestamp },
            { Status: TransactionStatus.Aborted } => CommitResult.Failed(Over(transaction)),
            { Status: TransactionStatus.Unknown } when result.Failure.Code == ErrorCode.TransactionExpired => CommitResult.Failed(
                UnknownOf(transaction, "the transaction's node is gone; whether it had been committed is not known yet")),
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
            failure => failure,
            UnknownOf(transaction, "the transaction's node did not answer in time"),
            timeout,
            cancellationToken);
        if (failure is not { Code: ErrorCode.TransactionExpired, Outcome: Outcome.NotApplied })
            return failure;
        return await search.FindDecisionAsync(transaction, timeout - time.GetElapsedTime(started), cancellationToken) switch
        {
            { Status: TransactionStatus.Committed } => new Failure(ErrorCode.TransactionExpired, Outcome.Applied, $"transaction {transaction} is committed"),
            { Status: TransactionStatus.Unknown } => UnknownOf(transaction, "the transaction's node is gone; whether it had been committed is not known yet"),
            _ => null,
        };
    }

    public async Task<TransactionBegun> KeepAliveAsync(TransactionId transaction, TimeSpan timeout, CancellationToken cancellationToken) => await CallAsync(
        transaction,
        grain => grain.KeepAliveAsync(),
        result => result.Failure,
        TransactionBegun.Failed,
        Unreachable,
        timeout,
        cancellationToken);

    public ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken) =>
        runs.RunAsync(request, timeout, cancellationToken);

    private async Task<T> CallAsync<T>(
        TransactionId transaction,
        Func<ITransactionGrain, Task<T>> ask,
        Func<T, Failure?> failureOf,
        Func<Failure, T> failed,
        Failure withoutAnswer,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        T result;
        try
        {
            result = await ask(grains.GetGrain<ITransactionGrain>(transaction.ToString())).WaitAsync(timeout, time, cancellationToken);
        }
        catch (PlacementUnavailableException exception)
        {
            return failed(Failure.NotApplied(ErrorCode.Unavailable, exception.Message));
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            return failed(withoutAnswer);
        }

        // Whoever has a plausible id had a transaction once.
        return failureOf(result) is { Code: ErrorCode.TransactionNotFound } && search.MayHaveBegun(transaction) ? failed(Over(transaction)) : result;
    }

    private static TimeSpan WithMargin(TimeSpan timeout) => timeout - (timeout / 4 < AnswerMargin ? timeout / 4 : AnswerMargin);

    private static Failure Unreachable => Failure.NotApplied(ErrorCode.Unavailable, "the transaction's node did not answer in time");

    private static Failure UnknownOf(TransactionId transaction, string detail) => Failure.Unknown(ErrorCode.OutcomeUnknown, detail) with { Transaction = transaction };

    private static Failure Over(TransactionId transaction) =>
        Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {transaction} is over: it expired, was rolled back, or lost its node; begin another");
}

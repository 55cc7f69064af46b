using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>Transactions of the database itself: as <see cref="ITransactionStore.TransactAsync"/>, and into system keyspaces too.</summary>
internal sealed class SystemTransactions(CoordinatorContext context, MetaCache meta, RangeCalls calls, TimeProvider time)
{
    private readonly OneRequestRuns _runs = new(context with { MayWriteSystem = true }, meta, calls, time);

    /// <inheritdoc cref="ITransactionStore.TransactAsync"/>
    public ValueTask<TransactResult> TransactAsync(TransactRequest request, TimeSpan timeout, CancellationToken cancellationToken) =>
        _runs.RunAsync(request, timeout, cancellationToken);
}

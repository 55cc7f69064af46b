using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>A range's part in transactions.</summary>
public sealed partial class RangeLeader
{
    private static readonly Failure NotYet = Failure.NotApplied(ErrorCode.UnsupportedForFamily, "transactions are not offered yet");

    /// <inheritdoc/>
    public ValueTask<PrepareResult> PrepareAsync(RangePrepare request) => new(PrepareResult.Failed(NotYet));

    /// <inheritdoc/>
    public ValueTask<RangeCommitResult> CommitAsync(TransactionWork request) => new(RangeCommitResult.Failed(NotYet));

    /// <inheritdoc/>
    public ValueTask<TransactResult> TransactAsync(RangeTransact request) => new(TransactResult.Failed(NotYet));

    /// <inheritdoc/>
    public ValueTask<Failure?> ResolveAsync(Resolution[] resolutions) => new(NotYet);

    /// <inheritdoc/>
    public ValueTask<Failure?> RefreshAsync(RangeRefresh request) => new(NotYet);
}

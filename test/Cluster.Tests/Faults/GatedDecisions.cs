using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>
/// Stands between a node's coordinators and the anchors that decide, and those that are told. A closed gate keeps commits back for ever, and says when one has come.
/// </summary>
internal sealed class GatedDecisions(ITransactionRanges ranges, IResolutions resolutions) : ITransactionRanges, IResolutions
{
    private readonly TaskCompletionSource<TransactionId> _came = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Commits are decided no more.</summary>
    public bool KeepsDecisions { get; set; }

    /// <summary>Of commits that are decided nobody is told.</summary>
    public bool KeepsResolutions { get; set; }

    /// <summary>Completes when a commit stands before a closed gate.</summary>
    public Task<TransactionId> Came => _came.Task;

    public ValueTask<IKeyspaceRoutes?> FindKeyspaceAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken) => ranges.FindKeyspaceAsync(keyspace, timeout, cancellationToken);

    public ValueTask<ReadResult> ReadAsync(string keyspace, RangeRead request, TimeSpan timeout, CancellationToken cancellationToken) => ranges.ReadAsync(keyspace, request, timeout, cancellationToken);

    public ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan request, TimeSpan timeout, CancellationToken cancellationToken) => ranges.ScanAsync(keyspace, request, timeout, cancellationToken);

    public ValueTask<Failure?> RefreshAsync(RangeId range, RangeRefresh request, TimeSpan timeout, CancellationToken cancellationToken) => ranges.RefreshAsync(range, request, timeout, cancellationToken);

    public ValueTask<RangeCommitResult> CommitAsync(RangeId range, RangeCommit request, TimeSpan timeout) =>
        KeepsDecisions && request.Others.Length > 0 ? new(StayAsync<RangeCommitResult>(request.Work.Transaction)) : ranges.CommitAsync(range, request, timeout);

    public ValueTask<RangeDecision> DecideAsync(RangeId range, RangeDecide request, TimeSpan timeout) => ranges.DecideAsync(range, request, timeout);

    public ValueTask<PrepareResult> PrepareAsync(RangeId range, RangePrepare request, TimeSpan timeout) => ranges.PrepareAsync(range, request, timeout);

    public Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants) =>
        KeepsResolutions && !resolution.CommitTimestamp.IsZero ? StayAsync<bool>(resolution.Transaction) : resolutions.ResolveAsync(resolution, participants);

    public void Settle(TransactionId transaction, RangeId anchor) => resolutions.Settle(transaction, anchor);

    private Task<T> StayAsync<T>(TransactionId transaction)
    {
        _came.TrySetResult(transaction);
        return new TaskCompletionSource<T>().Task;
    }
}

using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>
/// Stands between a node's coordinators and what they decide and tell. A closed gate keeps commits back for ever, and says when one has come.
/// </summary>
internal sealed class GatedDecisions(ITransactionRecords records, IResolutions resolutions) : ITransactionRecords, IResolutions
{
    private readonly TaskCompletionSource<TransactionId> _came = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Commits are decided no more.</summary>
    public bool KeepsDecisions { get; set; }

    /// <summary>Of commits that are decided nobody is told.</summary>
    public bool KeepsResolutions { get; set; }

    /// <summary>Completes when a commit stands before a closed gate.</summary>
    public Task<TransactionId> Came => _came.Task;

    public ValueTask<RecordRead> ReadAsync(TransactionId transaction, TimeSpan timeout) => records.ReadAsync(transaction, timeout);

    public ValueTask<Failure?> DecideAsync(TransactionRecord record, TimeSpan timeout) =>
        KeepsDecisions && record.IsCommitted ? new(StayAsync<Failure?>(record.Transaction)) : records.DecideAsync(record, timeout);

    public Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants) =>
        KeepsResolutions && !resolution.CommitTimestamp.IsZero ? StayAsync<bool>(resolution.Transaction) : resolutions.ResolveAsync(resolution, participants);

    private Task<T> StayAsync<T>(TransactionId transaction)
    {
        _came.TrySetResult(transaction);
        return new TaskCompletionSource<T>().Task;
    }
}

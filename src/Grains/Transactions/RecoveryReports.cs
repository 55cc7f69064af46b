using System.Collections.Concurrent;
using System.Threading.Channels;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>
/// Transactions that this node's leaders report, until <see cref="TransactionRecoveries"/> takes them up. Needs nothing itself, since the leaders, which
/// recovery calls, need it. What finds no room is dropped: the leader reports it again while the intent is there.
/// </summary>
internal sealed class RecoveryReports : ITransactionRecovery
{
    private const int MaxWaiting = 10_000;

    private readonly ConcurrentDictionary<(TransactionId Transaction, bool IsCommitted), bool> _reported = new();
    private readonly Channel<Report> _waiting = Channel.CreateBounded<Report>(MaxWaiting);

    /// <summary>What one leader found: an intent, or a commit that it decided and that is not carried out everywhere.</summary>
    /// <param name="Transaction">The transaction.</param>
    /// <param name="Participants">Every range of it, the anchor first.</param>
    /// <param name="Deadline">Of one that is prepared.</param>
    /// <param name="Prepared">When it was prepared.</param>
    /// <param name="Commit">When it committed; zero for one that is prepared.</param>
    internal readonly record struct Report(TransactionId Transaction, RangeId[] Participants, Timestamp Deadline, Timestamp Prepared, Timestamp Commit)
    {
        public (TransactionId Transaction, bool IsCommitted) Key => (Transaction, !Commit.IsZero);
    }

    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared) =>
        Add(new Report(transaction, participants, deadline, prepared, Timestamp.Zero));

    public void Finish(Resolution resolution, RangeId[] others, RangeId anchor) =>
        Add(new Report(resolution.Transaction, [anchor, .. others], Timestamp.Zero, Timestamp.Zero, resolution.CommitTimestamp));

    /// <summary>What is to be recovered, as it comes; each to be ended with <see cref="Done"/>.</summary>
    public IAsyncEnumerable<Report> ReadAllAsync(CancellationToken cancellationToken) => _waiting.Reader.ReadAllAsync(cancellationToken);

    /// <summary>The same may be reported again.</summary>
    public void Done(Report report) => _reported.TryRemove(report.Key, out _);

    private void Add(Report report)
    {
        if (_reported.TryAdd(report.Key, true) && !_waiting.Writer.TryWrite(report))
            _reported.TryRemove(report.Key, out _);
    }
}

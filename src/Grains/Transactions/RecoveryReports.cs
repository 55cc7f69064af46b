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

    private readonly ConcurrentDictionary<TransactionId, bool> _reported = new();
    private readonly Channel<Report> _waiting = Channel.CreateBounded<Report>(MaxWaiting);

    /// <summary>What one leader found.</summary>
    internal readonly record struct Report(TransactionId Transaction, RangeId[] Participants, Timestamp Deadline, Timestamp Prepared);

    public void Recover(TransactionId transaction, RangeId[] participants, Timestamp deadline, Timestamp prepared)
    {
        if (_reported.TryAdd(transaction, true) && !_waiting.Writer.TryWrite(new Report(transaction, participants, deadline, prepared)))
            _reported.TryRemove(transaction, out _);
    }

    /// <summary>What is to be recovered, as it comes; each to be ended with <see cref="Done"/>.</summary>
    public IAsyncEnumerable<Report> ReadAllAsync(CancellationToken cancellationToken) => _waiting.Reader.ReadAllAsync(cancellationToken);

    /// <summary>The transaction may be reported again.</summary>
    public void Done(TransactionId transaction) => _reported.TryRemove(transaction, out _);
}

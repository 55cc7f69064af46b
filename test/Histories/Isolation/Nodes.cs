using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>
/// The transactions of a history by what they count for. Committed, with reads and writes: those that said so, and those of unknown outcome of which
/// somebody saw a write. The others never were, but they may have read, and what a transaction reads comes from one snapshot whatever becomes of it: they
/// count as snapshot transactions that only read.
/// </summary>
internal sealed class Nodes
{
    private readonly ClientTransaction[] _transactions;
    private readonly bool[] _isCommitted;

    /// <param name="transactions">The history.</param>
    /// <param name="seen">Indices of transactions whose writes were seen.</param>
    public Nodes(IReadOnlyList<ClientTransaction> transactions, IEnumerable<int> seen)
    {
        _transactions = [.. transactions];
        _isCommitted = [.. transactions.Select(transaction => transaction.Outcome == OperationOutcome.Ok)];
        foreach (var transaction in seen)
            _isCommitted[transaction] |= transactions[transaction].Outcome == OperationOutcome.Unknown;
        for (var i = 0; i < _transactions.Length; i++)
        {
            if (!_isCommitted[i])
                _transactions[i] = _transactions[i] with { Isolation = IsolationLevel.Snapshot };
        }
    }

    /// <summary>The transactions at the levels that they count for, in the order of the history.</summary>
    public IReadOnlyList<ClientTransaction> Transactions => _transactions;

    /// <summary>A transaction as the writer of a version; null when it counts as none.</summary>
    public int? Writer(int transaction) => _isCommitted[transaction] ? transaction : null;
}

namespace GrainDb.Histories.Isolation;

/// <summary>What clients' transactions did and were told, in the order of their beginnings. Safe for many clients at once.</summary>
public sealed class TransactionHistory
{
    private readonly Lock _gate = new();
    private readonly List<ClientTransaction> _transactions = [];

    /// <summary>Notes a transaction before anything of it is sent.</summary>
    /// <returns>The transaction with its number.</returns>
    public ClientTransaction Begin(ClientTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        lock (_gate)
        {
            var numbered = transaction with { Number = _transactions.Count };
            _transactions.Add(numbered);
            return numbered;
        }
    }

    /// <summary>Notes what is known of it so far. Its writes belong here before its commit is sent: whatever happens to the client, they may have an effect from then on.</summary>
    public void Update(ClientTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        lock (_gate)
        {
            if (_transactions[transaction.Number].Outcome != OperationOutcome.Unknown)
                throw new InvalidOperationException($"ended twice: {transaction}");
            _transactions[transaction.Number] = transaction.Outcome == OperationOutcome.Unknown ? transaction with { Returned = long.MaxValue } : transaction;
        }
    }

    /// <summary>Everything so far.</summary>
    public IReadOnlyList<ClientTransaction> Snapshot()
    {
        lock (_gate)
            return [.. _transactions];
    }
}

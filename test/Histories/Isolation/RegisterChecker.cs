using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>
/// The same as <see cref="AppendChecker"/> for transactions that read and replace values. A value does not show what was before it, so the order
/// of versions is that of the timestamps that the database gives: with a commit, and with every value that is read; all writes of a transaction have the same. Values are unique
/// per key; nothing is deleted.
/// </summary>
public static class RegisterChecker
{
    /// <summary>The anomalies of a history; none is what is hoped for.</summary>
    /// <param name="transactions">All transactions. Writes of one whose timestamp nobody said have no place in any order.</param>
    /// <param name="isRealTime">Whether one that began after another had ended must come after it.</param>
    public static IReadOnlyList<Anomaly> Check(IReadOnlyList<ClientTransaction> transactions, bool isRealTime)
    {
        ArgumentNullException.ThrowIfNull(transactions);
        var anomalies = new List<Anomaly>();
        var reads = new RegisterReads(transactions, anomalies);
        var nodes = new Nodes(transactions, reads.Seen);
        anomalies.AddRange(CycleAnomalies.Find(nodes, reads.ToKeyOrders(nodes), isRealTime));
        return anomalies;
    }

    /// <summary>The anomalies, all transactions being held to one level whatever they asked for.</summary>
    /// <param name="transactions">All transactions.</param>
    /// <param name="level">The level.</param>
    /// <param name="isRealTime">Whether one that began after another had ended must come after it.</param>
    public static IReadOnlyList<Anomaly> Check(IReadOnlyList<ClientTransaction> transactions, IsolationLevel level, bool isRealTime) =>
        Check(transactions.HeldTo(level), isRealTime);
}

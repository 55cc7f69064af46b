using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>
/// Whether a history of transactions that append to lists and read them keeps the promises of its isolation levels, in the manner of Elle (Kingsbury
/// and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations", 2020). A list that is read shows the order of all versions
/// before it. From the orders follow the dependencies between transactions, and from a cycle of those that there are no points in time at which the transactions could
/// have seen and done what they did.
/// <para>A transaction of unknown outcome counts as committed when somebody saw a write of it, and else, like one that aborted, as one that read only.</para>
/// </summary>
public static class AppendChecker
{
    /// <summary>The anomalies of a history; none is what is hoped for.</summary>
    /// <param name="transactions">All transactions.</param>
    /// <param name="isRealTime">Whether one that began after another had ended must come after it.</param>
    public static IReadOnlyList<Anomaly> Check(IReadOnlyList<ClientTransaction> transactions, bool isRealTime)
    {
        ArgumentNullException.ThrowIfNull(transactions);
        var anomalies = new List<Anomaly>();
        var writers = new Writers(transactions);
        var reads = ListReads.Of(transactions, anomalies);
        var orders = new ListOrders(transactions, writers, reads, anomalies);
        var nodes = new Nodes(transactions, orders.Seen.Select(seen => seen.Transaction));
        anomalies.AddRange(CycleAnomalies.Find(nodes, orders.ToKeyOrders(nodes), isRealTime));
        return anomalies;
    }

    /// <summary>The anomalies, all transactions being held to one level whatever they asked for.</summary>
    /// <param name="transactions">All transactions.</param>
    /// <param name="level">The level.</param>
    /// <param name="isRealTime">Whether one that began after another had ended must come after it.</param>
    public static IReadOnlyList<Anomaly> Check(IReadOnlyList<ClientTransaction> transactions, IsolationLevel level, bool isRealTime) =>
        Check(transactions.HeldTo(level), isRealTime);
}

using GrainDb.Interfaces.Transactions;

namespace GrainDb.Histories.Isolation;

/// <summary>What follows from the orders of versions, however those were found: dependencies, and the cycles of them that no isolation level in question permits.</summary>
internal static class CycleAnomalies
{
    /// <param name="nodes">The transactions that count.</param>
    /// <param name="orders">The versions of each key.</param>
    /// <param name="isRealTime">Whether one that began after another had ended must come after it.</param>
    public static IEnumerable<Anomaly> Find(Nodes nodes, IEnumerable<KeyOrder> orders, bool isRealTime)
    {
        var graph = new DependencyGraph(nodes.Transactions);
        foreach (var order in orders)
            order.AddDependencies(graph);
        if (isRealTime)
            RealTimeOrder.Add(graph);
        graph.Seal();
        return new CycleSearch(graph).Find().Select(cycle => CycleNames.Describe(cycle, nodes.Transactions));
    }

    /// <summary>The same transactions as if all had asked for one level.</summary>
    public static IReadOnlyList<ClientTransaction> HeldTo(this IReadOnlyList<ClientTransaction> transactions, IsolationLevel level) =>
        [.. transactions.Select(transaction => transaction with { Isolation = level })];
}

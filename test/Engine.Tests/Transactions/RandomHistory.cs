using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Networks;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Clients that transact at random over a bad network, with coordinators that die, and what is wrong with what they saw.</summary>
internal static class RandomHistory
{
    public static readonly string[] Keys = ["a", "b", "k", "l", "x", "y"];

    public static readonly LinkFaults Bad = new() { LateShare = 0.05, LongDelay = TimeSpan.FromSeconds(2), LossShare = 0.02, RepeatShare = 0.1 };

    private static readonly TimeSpan ClockSpread = TimeSpan.FromMilliseconds(100);

    /// <returns>What was violated; empty when nothing was.</returns>
    public static IReadOnlyList<string> Run(int seed, CoordinatorFaults faults = CoordinatorFaults.None, int clients = 4, int transactions = 12)
    {
        var cluster = new ModelCluster(seed, faults, ClockSpread);
        foreach (var key in Keys)
            cluster.Put("ordered", key, "0");
        cluster.Network.Faults = Bad;
        var history = new List<ObservedTransaction>();
        var running = clients;
        for (var client = 0; client < clients; client++)
        {
            var node = cluster.NewNode($"c{client}");
            var random = cluster.World.NewRandom($"client{client}");
            node.Process.Died = () => running--;
            if (client > 0 && random.Next(2) == 0)
                cluster.World.Schedule(TimeSpan.FromSeconds(random.NextDouble() * 4), null, node.Process.Die);
            node.Process.Start(async () =>
            {
                for (var i = 0; i < transactions; i++)
                    await TransactAsync(cluster, node, random, history);
                running -= node.Process.IsAlive ? 1 : 0;
                node.Process.Died = null;
            });
        }

        if (!cluster.World.RunUntil(() => running == 0, TimeSpan.FromMinutes(10)))
            return [.. cluster.World.Failures, "the clients did not end"];
        if (!cluster.Quiesce())
            return [.. cluster.World.Failures, "ConfirmedClean: intents stay"];
        return HistoryCheck.Violations(cluster, history);
    }

    private static async Task TransactAsync(ModelCluster cluster, ModelNode node, Random random, List<ObservedTransaction> history)
    {
        var isolation = random.Next(2) == 0 ? IsolationLevel.Snapshot : IsolationLevel.Serializable;
        var one = new ObservedTransaction(node.Begin(isolation), isolation, cluster.World.Now);
        history.Add(one);
        var operations = random.Next(1, 5);
        for (var i = 0; i < operations; i++)
        {
            var key = Keys[random.Next(Keys.Length)];
            var failure = random.Next(5) switch
            {
                0 or 1 => (await one.ReadAsync("ordered", key)).Failure,
                2 when random.Next(2) == 0 => (await one.ScanAsync("ordered", Keys)).Failure,
                2 => (await one.ReadAsync("hashed", key)).Failure,
                _ => await one.WriteAsync(random.Next(5) == 0 ? "hashed" : "ordered", key, $"{one.Id}"),
            };
            if (failure is not null)
                return;
        }

        await one.CommitAsync(() => cluster.World.Now);
    }
}

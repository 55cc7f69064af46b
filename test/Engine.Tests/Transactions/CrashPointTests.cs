using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>The coordinator dies of its first call, of its second, and so on, until one run reaches its end: whatever it had asked before is still carried out.</summary>
public sealed class CrashPointTests
{
    private const int MostCalls = 200;

    [Fact]
    public void Wherever_the_coordinator_stops_all_or_nothing_comes_of_its_transaction()
    {
        var (committed, aborted) = (0, 0);
        for (var calls = 1; ; calls++)
        {
            Assert.True(calls < MostCalls, "the coordinator never came to its end");
            var (cluster, transaction, isFinished) = RunUntil(calls);
            Assert.True(cluster.Quiesce(), $"{calls} calls: intents stay");
            Assert.Empty(HistoryCheck.Violations(cluster, [transaction]).Select(violation => $"{calls} calls: {violation}"));
            if (cluster.VersionsOf(transaction.Id).Any())
                committed++;
            else
                aborted++;
            if (isFinished)
                break;
        }

        // Both happen, or the calls were not those of a commit.
        Assert.True(committed >= 3 && aborted >= 3, $"{committed} committed, {aborted} aborted");
    }

    [Fact]
    public void A_client_that_was_not_answered_learns_the_outcome_from_the_anchor()
    {
        for (var calls = 1; ; calls++)
        {
            var (cluster, transaction, isFinished) = RunUntil(calls);
            Assert.True(cluster.Quiesce());
            var isCommitted = cluster.VersionsOf(transaction.Id).Any();

            // No commit means that it never came to a decision, and after the deadline, that it never will.
            Assert.Equal(isCommitted, cluster.CommitOf(transaction.Id) is not null);
            if (isFinished)
                return;
        }
    }

    private static (ModelCluster Cluster, ObservedTransaction Transaction, bool IsFinished) RunUntil(int calls)
    {
        var cluster = new ModelCluster(seed: 1);
        var node = cluster.NewNode("c");
        node.Reach.CallsLeft = calls;
        var one = new ObservedTransaction(node.Begin(IsolationLevel.Serializable), IsolationLevel.Serializable, 0);
        var isFinished = false;
        node.Process.Start(async () =>
        {
            await one.ReadAsync("ordered", "a");
            await one.WriteAsync("ordered", "b", "1");
            await one.WriteAsync("ordered", "k", "1");
            await one.WriteAsync("ordered", "x", "1");
            await one.CommitAsync(() => cluster.World.Now);
            isFinished = true;
        });
        cluster.World.RunUntil(() => !node.Process.IsAlive || (isFinished && !cluster.IsUnfinished), TimeSpan.FromSeconds(10));
        return (cluster, one, node.Process.IsAlive);
    }
}

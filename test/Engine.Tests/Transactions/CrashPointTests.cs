using GrainDb.Engine.Tests.Transactions.Model;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>The coordinator is stopped after its first step, after its second, and so on, until one run reaches its end.</summary>
public sealed class CrashPointTests
{
    private const int MostSteps = 2_000;

    [Fact]
    public void Wherever_the_coordinator_stops_all_or_nothing_comes_of_its_transaction()
    {
        var (committed, aborted) = (0, 0);
        for (var steps = 1; ; steps++)
        {
            Assert.True(steps < MostSteps, "the coordinator never came to its end");
            var (cluster, transaction, isFinished) = RunUntil(steps);
            Assert.True(cluster.Quiesce(), $"{steps} steps: intents stay");
            Assert.Empty(HistoryCheck.Violations(cluster, [transaction]).Select(violation => $"{steps} steps: {violation}"));
            if (cluster.VersionsOf(transaction.Id).Any())
                committed++;
            else
                aborted++;
            if (isFinished)
                break;
        }

        // Both happen, or the steps were not those of a commit.
        Assert.True(committed > 5 && aborted > 5, $"{committed} committed, {aborted} aborted");
    }

    [Fact]
    public void A_client_that_was_not_answered_learns_the_outcome_from_the_record()
    {
        for (var steps = 1; ; steps++)
        {
            var (cluster, transaction, isFinished) = RunUntil(steps);
            Assert.True(cluster.Quiesce());
            var isCommitted = cluster.VersionsOf(transaction.Id).Any();
            var record = cluster.Records.Read(transaction.Id).Record;

            // Absent means that it never came to a decision, and after the deadline, that it never will.
            Assert.Equal(isCommitted, record is { IsCommitted: true });
            if (isFinished)
                return;
        }
    }

    private static (ModelCluster Cluster, ObservedTransaction Transaction, bool IsFinished) RunUntil(int steps)
    {
        var cluster = new ModelCluster(seed: 1);
        var taken = 0;
        var node = cluster.NewNode("c", () => taken >= steps);
        cluster.World.AfterEvent = process => taken += process == node.Process ? 1 : 0;
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
        cluster.World.RunUntil(() => isFinished, TimeSpan.FromSeconds(10));
        return (cluster, one, isFinished);
    }
}

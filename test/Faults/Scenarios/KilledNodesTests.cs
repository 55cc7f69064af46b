using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>SIGKILL under load.</summary>
public sealed class KilledNodesTests
{
    private static readonly TimeSpan Downtime = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Nodes_killed_one_after_the_other_come_back_and_nothing_is_lost()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(new WorkloadOptions { Clients = 64 }, new LoopbackNetwork(), null, cancellationToken);
        foreach (var round in run.Rounds(few: 4))
        {
            // In turn the node that leads most, and the one after it.
            var leader = await run.Cluster.LeaderAsync(cancellationToken);
            var victim = round % 2 == 1 ? leader : run.Cluster.Nodes[leader.Number % FaultRun.Nodes];
            var what = $"{victim.Name}{(victim == leader ? " (leader)" : "")} killed";
            var fault = run.History.Now;
            await victim.KillAsync(cancellationToken);
            await run.WritesAgainAsync(what, fault, run.Cluster.Others(victim));
            await run.LoadAsync(Downtime);
            victim.Start();
            await victim.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync(what);
        }

        await run.FinishAsync();
    }

    [Fact]
    public async Task All_nodes_killed_at_once_come_back_with_everything()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            await Task.WhenAll(run.Cluster.Nodes.Select(node => node.KillAsync(cancellationToken)));
            var restart = run.History.Now;
            foreach (var node in run.Cluster.Nodes)
                node.Start();
            await run.Cluster.ReadyAsync(cancellationToken);
            Report.Say($"all ready after {(run.History.Now - restart).TotalMilliseconds:0} ms");
            await run.WritesAgainAsync("all killed and ready again", run.History.Now, run.Cluster.Nodes);
            await run.WholeAgainAsync("all killed and ready again");
        }

        await run.FinishAsync();
    }
}

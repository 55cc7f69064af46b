using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>
/// SIGSTOP under load, for longer than any lease. Requests that arrive meanwhile wait in the kernel and are handled when the process goes
/// on, by a node that may believe that it still leads.
/// </summary>
public sealed class PausedNodesTests
{
    /// <summary>Clients wait for longer than the pause, so that they get the answers of the node that went on.</summary>
    private static readonly WorkloadOptions Patient = new() { Patience = new ClientPatience(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(10)) };

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    /// <summary>Three probes of at most 1.5 s, and what a busy machine adds.</summary>
    private static readonly TimeSpan DeclaredDeadWithin = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_paused_leader_is_replaced_and_serves_nothing_stale_when_it_goes_on()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(Patient, new LoopbackNetwork(), null, cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
            await PauseAsync(run, await run.Cluster.LeaderAsync(cancellationToken), "leader paused", cancellationToken);
        await run.FinishAsync();
    }

    [Fact]
    public async Task Another_paused_node_is_replaced_where_it_leads_and_does_no_harm_when_it_goes_on()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(Patient, new LoopbackNetwork(), null, cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            var leader = await run.Cluster.LeaderAsync(cancellationToken);
            await PauseAsync(run, run.Cluster.Nodes[leader.Number % FaultRun.Nodes], "another node paused", cancellationToken);
        }

        await run.FinishAsync();
    }

    [Fact]
    public async Task A_node_that_was_declared_dead_while_it_hung_ends_itself_and_comes_back()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(Patient, new LoopbackNetwork(), null, cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            var victim = await run.Cluster.LeaderAsync(cancellationToken);
            var fault = run.History.Now;
            victim.Pause();
            await run.WritesAgainAsync($"{victim.Name} hangs", fault, run.Cluster.Others(victim));
            var isBuried = await run.Cluster.SeesDeadAsync(victim, DeclaredDeadWithin, cancellationToken);
            Report.Say($"{victim.Name} declared dead after {(run.History.Now - fault).TotalMilliseconds:0} ms");
            victim.Resume();
            Assert.True(isBuried, $"{victim.Name} hangs and was not declared dead within {DeclaredDeadWithin.TotalSeconds} s");
            await victim.EndsAsync(cancellationToken);
            Assert.True(victim.WasDeclaredDead, $"{victim.Name} ended for another reason");
            victim.Start();
            await victim.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync($"{victim.Name} was declared dead, and is back");
        }

        await run.FinishAsync();
    }

    private static async Task PauseAsync(FaultRun run, ClusterNode victim, string what, CancellationToken cancellationToken)
    {
        var fault = run.History.Now;
        victim.Pause();
        try
        {
            await run.WritesAgainAsync($"{what} ({victim.Name})", fault, run.Cluster.Others(victim));
            var left = Pause - (run.History.Now - fault);
            await run.LoadAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }
        finally
        {
            victim.Resume();
        }

        await run.WholeAgainAsync(what);
    }
}

using GrainDb.Faults.Clusters;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>A node whose disk lost something, or everything, gets it back from the others.</summary>
public sealed class DamagedDisksTests
{
    private static readonly TimeSpan WithoutIt = TimeSpan.FromSeconds(1);

    [Fact]
    public Task A_data_directory_that_is_gone_is_built_again() => DamageAsync("data directory wiped", node => node.LoseData());

    [Fact]
    public Task Flipped_bits_in_every_log_of_a_node_are_repaired_from_the_others() => DamageAsync("logs damaged", node =>
    {
        var damaged = LogDamage.FlipBits(node);
        Report.Say($"{damaged.Count} logs damaged");
        Assert.True(damaged.Count >= FaultCluster.Ranges, $"only {damaged.Count} logs to damage");
    });

    private static async Task DamageAsync(string what, Action<ClusterNode> damage)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            var victim = await run.Cluster.LeaderAsync(cancellationToken);
            var fault = run.History.Now;
            await victim.KillAsync(cancellationToken);
            await run.WritesAgainAsync($"{victim.Name} killed", fault, run.Cluster.Others(victim));
            damage(victim);
            await run.LoadAsync(WithoutIt);
            victim.Start();
            await victim.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync($"{what}, {victim.Name} back");

            // The proof that it has everything: with another node gone, nothing can be committed, or read, without it.
            var other = run.Cluster.Others(victim)[0];
            fault = run.History.Now;
            await other.KillAsync(cancellationToken);
            await run.WritesAgainAsync($"{what}, then {other.Name} killed", fault, run.Cluster.Others(other));
            await run.LoadAsync(WithoutIt);
            other.Start();
            await other.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync($"{other.Name} back");
        }

        await run.FinishAsync();
    }
}

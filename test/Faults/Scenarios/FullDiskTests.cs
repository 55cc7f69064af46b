using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>The disk of one node fills up under load, and has space again later.</summary>
public sealed class FullDiskTests
{
    private const int Megabytes = 256;

    private static readonly TimeSpan FullFor = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task The_others_go_on_and_it_heals_when_space_returns()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var reason = SmallDisk.WhyNot();
        Assert.SkipWhen(reason is not null, reason ?? "");
        var disks = new Dictionary<ClusterNode, SmallDisk>();
        try
        {
            await using var run = await FaultRun.StartAsync(
                new WorkloadOptions(), new LoopbackNetwork(), node => disks.Add(node, SmallDisk.Mount(node.DataRoot, Megabytes)), cancellationToken);
            foreach (var _ in run.Rounds(few: 1))
            {
                var leader = await run.Cluster.LeaderAsync(cancellationToken);
                foreach (var victim in new[] { leader, run.Cluster.Nodes[leader.Number % FaultRun.Nodes] })
                {
                    var fault = run.History.Now;
                    disks[victim].Fill();
                    await run.WritesAgainAsync($"disk of {victim.Name}{(victim == leader ? " (leader)" : "")} full", fault, run.Cluster.Others(victim));
                    await run.LoadAsync(FullFor);
                    Assert.True(victim.IsRunning, $"{victim.Name} ended because its disk was full");
                    disks[victim].Free();
                    await run.WholeAgainAsync($"disk of {victim.Name} has space again");
                }
            }

            await run.FinishAsync();
        }
        finally
        {
            foreach (var disk in disks.Values)
                disk.Dispose();
        }
    }
}

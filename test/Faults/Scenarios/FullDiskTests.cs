using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>The disk of one node fills up under load, and has space again later.</summary>
public sealed class FullDiskTests
{
    private const int Megabytes = 256;

    /// <summary>Logs have space ahead; values of this size use it up in a moment.</summary>
    private const int ValueBytes = 16 * 1024;

    /// <summary>How long a log that is written to may go on with the space that it has.</summary>
    private static readonly TimeSpan NoticedWithin = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FullFor = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task The_others_go_on_and_it_heals_when_space_returns()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var reason = SmallDisk.WhyNot();
        Assert.SkipWhen(reason is not null, reason ?? "");
        await using var run = await FaultRun.StartAsync(
            new WorkloadOptions { ValueBytes = ValueBytes }, new LoopbackNetwork(), node => node.MountDisk(Megabytes), cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            var leader = await run.Cluster.LeaderAsync(cancellationToken);
            foreach (var victim in new[] { leader, run.Cluster.Nodes[leader.Number % FaultRun.Nodes] })
            {
                var what = $"disk of {victim.Name}{(victim == leader ? " (leader)" : "")} full";
                var fault = run.History.Now;
                victim.Disk!.Fill();
                Assert.True(await run.Cluster.SeesAsync(victim, "readOnly", NoticedWithin, cancellationToken), $"{what}: no replica says so");
                Report.Say($"{what}: noticed after {(run.History.Now - fault).TotalMilliseconds:0} ms");
                await run.WritesAgainAsync(what, run.History.Now, run.Cluster.Others(victim));
                await run.LoadAsync(FullFor);
                Assert.True(victim.IsRunning, $"{victim.Name} ended because its disk was full");
                victim.Disk.Free();
                await run.WholeAgainAsync($"disk of {victim.Name} has space again");
            }
        }

        await run.FinishAsync();
    }
}

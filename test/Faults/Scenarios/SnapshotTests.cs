using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>A node that was away for so long that the others' logs do not reach back to where it stood.</summary>
public sealed class SnapshotTests
{
    /// <summary>Share of their throughput that the others keep while the node catches up.</summary>
    private const double KeptThroughput = 0.7;

    /// <summary>Slow, so that catching up lasts long enough to be measured.</summary>
    private const int SnapshotMegabytesPerSecond = 15;

    private static readonly Dictionary<string, string> Settings = new()
    {
        ["GrainDb__RetainedLogMegabytes"] = "1",
        ["GrainDb__SnapshotMegabytesPerSecond"] = $"{SnapshotMegabytesPerSecond}",
    };

    private static readonly WorkloadOptions Warm = new() { Clients = 4 };

    /// <summary>
    /// Clients at the two nodes that stay. They leave time for a third process on the same two cores: what is asked is whether writers wait for snapshots, not whether a machine that is full does more.
    /// </summary>
    private static readonly WorkloadOptions Busy = new() { Clients = 8, FirstClient = Warm.Clients, LongestPause = TimeSpan.FromMilliseconds(20), KeyTurn = TimeSpan.FromSeconds(1) };

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(4);

    /// <summary>A catch-up shorter than this tells nothing about throughput.</summary>
    private static readonly TimeSpan LeastCatchUp = TimeSpan.FromSeconds(3);

    /// <summary>Two checkpoints of at least 16 MiB in each of the ranges.</summary>
    private static readonly TimeSpan ForgottenWithin = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task A_node_that_lacks_more_than_the_logs_hold_gets_snapshots_while_the_others_keep_their_throughput()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(Warm, new LoopbackNetwork(), node => node.Environment = Settings, cancellationToken);
        var leader = await run.Cluster.LeaderAsync(cancellationToken);
        var victim = run.Cluster.Nodes[leader.Number % FaultRun.Nodes];
        var others = run.Cluster.Others(victim);
        await victim.KillAsync(cancellationToken);
        await ForgetAsync(run, others, cancellationToken);

        await using var writers = Workload.Start(others, run.History, Busy, cancellationToken);
        await run.LoadAsync(TimeSpan.FromSeconds(1)); // until the new clients run at their pace
        var before = run.History.Now;
        await run.LoadAsync(Window);
        var started = run.History.Now;
        victim.Start();
        await victim.ReadyAsync(cancellationToken);
        var ready = run.History.Now;
        await run.WholeAgainAsync($"{victim.Name} is back");
        var whole = run.History.Now;

        var installed = await run.Cluster.CounterAsync(victim, "graindb_snapshot_installed_total", cancellationToken);
        var sent = (await Task.WhenAll(others.Select(other => run.Cluster.CounterAsync(other, "graindb_snapshot_sent_bytes_total", cancellationToken)))).Sum();
        var (kept, starting, catchingUp) = (RateOf(before, started), RateOf(started, ready), RateOf(ready, whole));
        Report.Say($"{victim.Name} took {installed} snapshots of {sent / (1 << 20):0} MiB together in {(whole - ready).TotalSeconds:0.0} s; the others wrote {kept:0}/s while it was away, "
            + $"{starting:0}/s while its process began, {catchingUp:0}/s while it caught up ({catchingUp / kept:P0})");
        Assert.Equal(FaultCluster.Ranges, installed);
        Assert.True(whole - ready >= LeastCatchUp, $"caught up in {(whole - ready).TotalSeconds:0.0} s: too short to be measured");
        Assert.True(catchingUp >= KeptThroughput * kept, $"{catchingUp:0} writes/s while it caught up are less than {KeptThroughput:P0} of {kept:0}/s");
        await writers.StopAsync();
        await run.FinishAsync();

        double RateOf(TimeSpan from, TimeSpan to) => run.Rate(from, to, operation => operation.IsWrite && operation.Node != victim.Name);
    }

    /// <summary>Writes until no log that is left reaches back to what there was when this began.</summary>
    private static async Task ForgetAsync(FaultRun run, IReadOnlyList<ClusterNode> others, CancellationToken cancellationToken)
    {
        var since = run.History.Now;
        await using var bulk = new BulkLoad(others, run.History, cancellationToken);
        IReadOnlyList<RangeSight>? known = null;
        while (ReachBack(known ??= await run.Cluster.LookAsync(others[0], cancellationToken)))
        {
            var took = run.History.Now - since - run.StalledSince(since);
            Assert.True(took < ForgottenWithin, $"after {took.TotalSeconds:0} s of writing the logs still reach back");
            await Task.Delay(50, cancellationToken); // between two looks at other processes' files
        }

        Report.Say($"no log reaches back after {(run.History.Now - since).TotalSeconds:0.0} s");

        bool ReachBack(IReadOnlyList<RangeSight>? ranges) =>
            ranges is null || ranges.Any(range => others.Any(node => LogFiles.FirstLsnOf(node, range.Id) <= range.Replicas.Max(replica => replica.Lsn)));
    }
}

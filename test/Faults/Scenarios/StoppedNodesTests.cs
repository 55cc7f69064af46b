using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>SIGTERM under load: a rolling restart.</summary>
public sealed class StoppedNodesTests
{
    /// <summary>What an operator is promised.</summary>
    private static readonly TimeSpan GoneWithin = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Nodes_restarted_one_after_the_other_fail_no_request()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(cancellationToken);
        foreach (var round in run.Rounds(few: 3))
        {
            var node = run.Cluster.Nodes[round % FaultRun.Nodes];
            var since = run.History.Now;
            var (exitCode, took) = await node.StopAsync(cancellationToken);
            Report.Say($"{node.Name} stopped in {took.TotalMilliseconds:0} ms");
            Assert.Equal(0, exitCode);
            Assert.InRange(took, TimeSpan.Zero, GoneWithin + run.StalledSince(since));
            node.Start();
            await node.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync($"{node.Name} restarted");
        }

        await run.Workload.StopAsync();

        // A connection that is refused was never a request: the client asks the next node, as a load balancer does.
        var failed = run.History.Operations
            .Where(operation => operation.Outcome is OperationOutcome.NotApplied or OperationOutcome.Unknown && operation.Answer != KeyClient.NotConnected).ToList();
        Assert.True(failed.Count == 0, $"{failed.Count} failed requests:\n{string.Join('\n', failed.Take(20))}");
        await run.FinishAsync();
    }
}

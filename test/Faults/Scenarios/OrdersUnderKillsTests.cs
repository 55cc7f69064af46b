using System.Diagnostics;
using GrainDb.Faults.Clusters;
using GrainDb.LoadTool.Orders;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>
/// The order workflow while a node is killed every ten seconds, from the first order to the last: at least so many orders, and for as long as <c>GRAINDB_FAULTS_SECONDS</c> says.
/// </summary>
public sealed class OrdersUnderKillsTests
{
    private const int Clients = 32;
    private const int LeastOrders = 2_000;
    private const int LeastKills = 3;

    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan MostTime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Downtime = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Every_order_ends_without_help_and_stock_and_money_are_conserved_exactly()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var cluster = await FaultCluster.StartAsync(3, new LoopbackNetwork(), null, cancellationToken);
        using var run = new OrderRun([.. cluster.Nodes.Select(node => node.Url)], "kills", isGood: false);
        await run.SetUpAsync(cancellationToken);

        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (leastTime, mostTime) = FaultRun.Duration is { } asked ? (asked, asked + MostTime) : (LeastTime, MostTime);
        var began = Stopwatch.GetTimestamp();
        var kills = 0;
        var killing = KillAsync();
        await run.RunAsync(Clients, (place, ran) => ran < mostTime && (place <= LeastOrders || ran < leastTime || Volatile.Read(ref kills) < LeastKills), cancellationToken);
        var loaded = Stopwatch.GetElapsedTime(began);
        await over.CancelAsync();
        await killing;
        await cluster.ReadyAsync(cancellationToken);

        var violations = await run.AuditAsync(cancellationToken);
        var statuses = run.Orders.CountBy(order => order.Status).ToDictionary();
        Report.Say(
            $"{run.Orders.Count} orders in {loaded.TotalSeconds:0} s, {kills} kills: {string.Join(", ", statuses.Select(status => $"{status.Key} {status.Value}"))}; the longest took {run.Orders.Max(order => order.Took).TotalSeconds:0.0} s");
        Assert.True(violations.Count == 0, string.Join('\n', violations.Take(20)));
        Assert.InRange(run.Orders.Count, LeastOrders, int.MaxValue);
        Assert.InRange(kills, LeastKills, int.MaxValue);
        Assert.True(statuses.GetValueOrDefault("completed") > 0 && statuses.GetValueOrDefault("compensated") > 0, "some complete, some do not");

        async Task KillAsync()
        {
            while (true)
            {
                try
                {
                    var pause = (BetweenKills * (kills + 1)) - Stopwatch.GetElapsedTime(began);
                    await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, over.Token); // the scenario: a node every ten seconds
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    return;
                }

                var victim = cluster.Nodes[kills % 3];
                await victim.KillAsync(cancellationToken);
                Interlocked.Increment(ref kills);
                await Task.Delay(Downtime, cancellationToken); // it is away for a while
                victim.Start();
                await victim.ReadyAsync(cancellationToken);
            }
        }
    }
}

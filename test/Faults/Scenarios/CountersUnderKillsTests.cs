using System.Diagnostics;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Eventual;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>Counters count every increment once, through <c>kill -9</c> of one node after the other.</summary>
public sealed class CountersUnderKillsTests
{
    private const string Keyspace = "counters";
    private const int Clients = 32;
    private const int Counters = 8;
    private const int Many = 100_000;
    private const int FewKills = 2;

    /// <summary>Time under load before a node is killed.</summary>
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Downtime = TimeSpan.FromSeconds(1);

    /// <summary>Increments of a counter wait for the node that coordinates it: at most until it is back and clients have tried again.</summary>
    private static readonly TimeSpan CountsAgainWithin = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Increments_of_32_clients_count_exactly_once_through_kills()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var cluster = await FaultCluster.StartAsync(FaultRun.Nodes, new LoopbackNetwork(), null, cancellationToken);
        using var calls = new EventualCalls(cancellationToken);
        await calls.CreateAsync(cluster.Nodes[0], Keyspace, "crdt:counter");
        var clock = Stopwatch.StartNew();
        await using var load = new CountingLoad(
            calls, cluster.Nodes, [.. Enumerable.Range(0, Counters).Select(number => $"crdt/{Keyspace}/c{number}")], Clients, FaultRun.Duration is null ? int.MaxValue : Many, cancellationToken);

        for (var kills = 0; FaultRun.Duration is { } duration ? clock.Elapsed < duration && !load.IsDone : kills < FewKills; kills++)
        {
            await Task.Delay(Between, cancellationToken); // the load itself is the time that passes here
            await KillAsync(cluster, cluster.Nodes[kills % FaultRun.Nodes], load, cancellationToken);
        }

        await load.StopAsync();
        var took = clock.Elapsed;
        var sum = await load.SumAsync();
        Report.Say($"{load.Summary}; {load.Acknowledged / took.TotalSeconds:0}/s in {took.TotalSeconds:0} s; {Counters} counters hold {sum}");
        Assert.Equal(load.Acknowledged, sum);
    }

    /// <summary>Kills a node and starts it again; every client counts on after it is back.</summary>
    private static async Task KillAsync(FaultCluster cluster, ClusterNode victim, CountingLoad load, CancellationToken cancellationToken)
    {
        var fault = Stopwatch.StartNew();
        await victim.KillAsync(cancellationToken);
        await Task.Delay(Downtime, cancellationToken);
        victim.Start();
        await cluster.ReadyAsync(cancellationToken);
        var ready = fault.Elapsed;
        await load.EveryClientCountsAsync(times: 2, CountsAgainWithin);
        Report.Say($"{victim.Name} killed: ready again after {ready.TotalMilliseconds:0} ms, all clients count {(fault.Elapsed - ready).TotalMilliseconds:0} ms later; {load.Acknowledged} acknowledged so far");
    }
}

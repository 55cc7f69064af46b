using System.Diagnostics;
using System.Globalization;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Eventual;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>Replicas that came to differ become equal by themselves, and little more than what differs is moved for it.</summary>
public sealed class DivergedKeysTests
{
    private const string Keyspace = "diverged";
    private const int Keys = 10_000;
    private const int Changed = Keys / 100;
    private const int ValueLength = 1000;
    private const int Parallel = 32;

    /// <summary>Most that comparing may move, of one copy of everything, where 1 % differs.</summary>
    private const double MostMoved = 0.05;

    private static readonly TimeSpan AgreedWithin = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Ten_thousand_keys_come_to_a_node_that_was_away_and_comparing_moves_what_differs()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var cluster = await FaultCluster.StartAsync(FaultRun.Nodes, new LoopbackNetwork(), null, cancellationToken);
        using var calls = new EventualCalls(cancellationToken);
        await calls.CreateAsync(cluster.Nodes[0], Keyspace, "lww");

        await cluster.Nodes[2].KillAsync(cancellationToken);
        await WriteAsync(calls, cluster, Keys, "first", cancellationToken);
        cluster.Nodes[2].Start();
        await cluster.ReadyAsync(cancellationToken);
        var copy = await AgreeAsync(calls, cluster, $"{Keys} keys written while {cluster.Nodes[2].Name} was down", cancellationToken);

        await cluster.Nodes[2].KillAsync(cancellationToken);
        await WriteAsync(calls, cluster, Changed, "second", cancellationToken);
        foreach (var node in cluster.Nodes.Take(2))
        {
            await node.KillAsync(cancellationToken);
            Directory.Delete(Path.Combine(node.DataDirectory, "hints"), recursive: true); // so that comparing has to find it
        }

        foreach (var node in cluster.Nodes)
            node.Start();
        await cluster.ReadyAsync(cancellationToken);
        await AgreeAsync(calls, cluster, $"{Changed} keys of which no hint is left", cancellationToken);
        var moved = 0.0;
        foreach (var node in cluster.Nodes)
            moved += await cluster.CounterAsync(node, "graindb_eventual_repair_bytes_total", cancellationToken);
        Report.Say(string.Create(CultureInfo.InvariantCulture, $"comparing moved {moved} bytes, hashes included: {moved / copy:P2} of a copy of {copy} bytes, of which 1 % differed"));
        Assert.InRange(moved, Changed * ValueLength, copy * MostMoved);
    }

    private static async Task<long> AgreeAsync(EventualCalls calls, FaultCluster cluster, string what, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var bytes = await Partitions.AgreeAsync(calls, cluster.Nodes[0], Keyspace, Keys, () => clock.Elapsed > AgreedWithin, cancellationToken);
        Assert.True(bytes is not null, $"{what}: the replicas do not agree within {AgreedWithin.TotalSeconds:0} s");
        var (hints, compared) = (0.0, 0.0);
        foreach (var node in cluster.Nodes)
        {
            hints += await cluster.CounterAsync(node, "graindb_eventual_hints_delivered_total", cancellationToken);
            compared += await cluster.CounterAsync(node, "graindb_eventual_repair_keys_total", cancellationToken);
        }

        Report.Say($"{what}: all replicas are equal {clock.Elapsed.TotalMilliseconds:0} ms after the nodes are ready; {hints} states came by hints, {compared} by comparing");
        return bytes.Value;
    }

    /// <summary>Writes the first keys through the nodes that live.</summary>
    private static async Task WriteAsync(EventualCalls calls, FaultCluster cluster, int keys, string what, CancellationToken cancellationToken)
    {
        var nodes = cluster.Nodes.Where(node => node.IsRunning).ToList();
        await System.Threading.Tasks.Parallel.ForEachAsync(Enumerable.Range(0, keys), new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken }, async (number, _) =>
        {
            var put = await calls.SendAsync(HttpMethod.Put, nodes[number % nodes.Count], string.Create(CultureInfo.InvariantCulture, $"kv/{Keyspace}/k{number}"), what.PadRight(ValueLength, '.'));
            Assert.True(put.IsDone, put.ToString());
        });
    }
}

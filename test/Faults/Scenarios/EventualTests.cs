using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Eventual;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>Eventual keyspaces: writable when parts are down, the same everywhere when they are back.</summary>
public sealed class EventualTests
{
    private const string Siblings = "siblings";
    private const string Newest = "newest";
    private const string Counters = "counters";
    private const string Registers = "registers";
    private const int Clients = 4;
    private const int Keys = 1000;
    private const int Few = 100;
    private const int Parallel = 16;
    private const int Shown = 10;

    private static readonly TimeSpan Load = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ConvergedWithin = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task No_request_fails_with_one_node_killed_one_goes_on_with_two_and_increments_count_once()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var cluster = await FaultCluster.StartAsync(FaultRun.Nodes, new LoopbackNetwork(), null, cancellationToken);
        using var calls = new EventualCalls(cancellationToken);
        await calls.CreateAsync(cluster.Nodes[0], Newest, "lww");
        await calls.CreateAsync(cluster.Nodes[0], Counters, "crdt:counter");
        var written = new ConcurrentDictionary<string, string>();
        await using var counting = new CountingLoad(calls, cluster.Nodes, [$"crdt/{Counters}/hits"], Clients, int.MaxValue, cancellationToken);
        await WriteAndReadAsync(calls, cluster.Nodes, "before", written, cancellationToken);

        await cluster.Nodes[2].KillAsync(cancellationToken);
        await WriteAndReadAsync(calls, [cluster.Nodes[0], cluster.Nodes[1]], "one down", written, cancellationToken);

        await cluster.Nodes[1].KillAsync(cancellationToken);
        await OneGoesOnAsync(calls, cluster.Nodes[0], written);

        cluster.Nodes[1].Start();
        cluster.Nodes[2].Start();
        await cluster.ReadyAsync(cancellationToken);
        await AgreesAsync(calls, cluster, Newest, written.Count, cancellationToken);
        await ConvergesAsync(calls, cluster, [.. written.Keys.Select(key => $"kv/{Newest}/{key}")], (path, answer) => answer.Values is [var value] && value == written[path.Split('/')[^1]], cancellationToken);
        await counting.StopAsync();
        var sum = await counting.SumAsync();
        Report.Say($"{counting.Summary}; the counter holds {sum}");
        Assert.Equal(counting.Acknowledged, sum);
    }

    [Fact]
    public async Task Both_sides_of_a_cut_write_the_same_keys_and_nothing_is_lost_unseen()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var reason = NamespaceNetwork.WhyNot();
        Assert.SkipWhen(reason is not null, reason ?? "");
        var network = NamespaceNetwork.Create(FaultRun.Nodes);
        await using var cluster = await FaultCluster.StartAsync(FaultRun.Nodes, network, null, cancellationToken);
        using var calls = new EventualCalls(cancellationToken);
        await calls.CreateAsync(cluster.Nodes[0], Siblings, "siblings");
        await calls.CreateAsync(cluster.Nodes[0], Newest, "lww");
        await calls.CreateAsync(cluster.Nodes[0], Registers, "crdt:register");
        await KnownEverywhereAsync(calls, cluster);

        foreach (var other in cluster.Others(cluster.Nodes[0]))
            network.Cut(cluster.Nodes[0], other);
        await Task.WhenAll(WriteAllAsync(calls, cluster.Nodes[0], "left"), WriteAllAsync(calls, cluster.Nodes[1], "right"));
        network.Heal(cluster.Nodes);

        await AgreesAsync(calls, cluster, Siblings, Keys, cancellationToken);
        await AgreesAsync(calls, cluster, Newest, Keys, cancellationToken);
        await AgreesAsync(calls, cluster, Registers, Few, cancellationToken);
        var siblings = PathsOf(Siblings);
        await ConvergesAsync(calls, cluster, siblings, (_, answer) => answer.Values is ["left", "right"], cancellationToken);
        await OneWinsAndTheOtherIsListedAsync(calls, cluster, cancellationToken);
        await LosersOfRegistersAreKeptAsync(calls, cluster, cancellationToken);

        await ForEachAsync(siblings, async path =>
        {
            var read = await calls.SendAsync(HttpMethod.Get, cluster.Nodes[2], path);
            var resolved = await calls.SendAsync(HttpMethod.Put, cluster.Nodes[2], path, "decided", read.Context);
            Assert.True(resolved.IsDone, resolved.ToString());
        });
        await ConvergesAsync(calls, cluster, siblings, (_, answer) => answer.Values is ["decided"], cancellationToken);
    }

    /// <summary>Clients that write keys of their own at quorum and read each back at quorum, through nodes that live: none of it may fail.</summary>
    private static async Task WriteAndReadAsync(EventualCalls calls, IReadOnlyList<ClusterNode> nodes, string when, ConcurrentDictionary<string, string> written, CancellationToken cancellationToken)
    {
        var failed = new ConcurrentQueue<string>();
        var requests = 0;
        var slowest = TimeSpan.Zero;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => Task.Run(async () =>
        {
            for (var number = 0; clock.Elapsed < Load; number++)
            {
                var (key, value) = (string.Create(CultureInfo.InvariantCulture, $"k{client}-{number % 50}"), string.Create(CultureInfo.InvariantCulture, $"{when} {number}"));
                var began = clock.Elapsed;
                var put = await calls.SendAsync(HttpMethod.Put, nodes[(client + number) % nodes.Count], $"kv/{Newest}/{key}", value);
                var got = await calls.SendAsync(HttpMethod.Get, nodes[(client + number + 1) % nodes.Count], $"kv/{Newest}/{key}");
                Interlocked.Add(ref requests, 2);
                lock (failed)
                    slowest = clock.Elapsed - began > slowest ? clock.Elapsed - began : slowest;
                written[key] = value;
                if (!put.IsDone || got.Text != value)
                    failed.Enqueue($"{key}: {put}, then {got}");
            }
        }, cancellationToken)));
        Report.Say($"{when}: {requests} requests, {failed.Count} failed; the slowest pair took {slowest.TotalMilliseconds:0} ms");
        Assert.True(failed.IsEmpty, string.Join('\n', failed.Take(Shown)));
        Assert.True(requests > 0, "no request was made");
    }

    /// <summary>Two of three are down: one goes on, a quorum cannot be had, and what is said of that is true.</summary>
    private static async Task OneGoesOnAsync(EventualCalls calls, ClusterNode node, ConcurrentDictionary<string, string> written)
    {
        var one = await calls.SendAsync(HttpMethod.Put, node, $"kv/{Newest}/alone?consistency=one", "alone");
        Assert.True(one.IsDone, one.ToString());
        written["alone"] = "alone";
        Assert.Equal("alone", (await calls.SendAsync(HttpMethod.Get, node, $"kv/{Newest}/alone?consistency=one")).Text);
        var write = await calls.SendAsync(HttpMethod.Put, node, $"kv/{Newest}/refused", "perhaps");
        Assert.Contains((write.Status, write.Json.GetProperty("code").GetString()!, write.Json.GetProperty("outcome").GetString()!), new[] { (503, "unavailable", "notApplied"), (504, "outcome_unknown", "unknown") });
        var read = await calls.SendAsync(HttpMethod.Get, node, $"kv/{Newest}/alone");
        Assert.Equal((503, "unavailable"), (read.Status, read.Json.GetProperty("code").GetString()!));
    }

    /// <summary>All replicas become equal by themselves. Nothing of the keyspace may be read before: a read repairs.</summary>
    private static async Task AgreesAsync(EventualCalls calls, FaultCluster cluster, string keyspace, int keys, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var bytes = await Partitions.AgreeAsync(calls, cluster.Nodes[0], keyspace, keys, IsLate, cancellationToken);
        Assert.True(bytes is not null, $"the replicas of '{keyspace}' do not agree on {keys} keys by themselves within {ConvergedWithin.TotalSeconds:0} s");
        Report.Say($"the replicas of '{keyspace}' agree after {clock.Elapsed.TotalMilliseconds:0} ms");

        bool IsLate()
        {
            cluster.StartAgainWhoWasDeclaredDead();
            return clock.Elapsed > ConvergedWithin;
        }
    }

    /// <summary>Every node alone shows every key as it must be.</summary>
    private static async Task ConvergesAsync(
        EventualCalls calls, FaultCluster cluster, List<string> paths, Func<string, EventualAnswer, bool> isRight, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        var left = cluster.Nodes.SelectMany(_ => paths, (node, path) => (Node: node, Path: path)).ToList();
        while (true)
        {
            cluster.StartAgainWhoWasDeclaredDead();
            var wrong = new ConcurrentQueue<((ClusterNode Node, string Path) Key, EventualAnswer Answer)>();
            await ForEachAsync(left, async key =>
            {
                var answer = await calls.SendAsync(HttpMethod.Get, key.Node, $"{key.Path}?consistency=one");
                if (!isRight(key.Path, answer))
                    wrong.Enqueue((key, answer));
            });
            if (wrong.IsEmpty)
                break;
            Assert.True(clock.Elapsed < ConvergedWithin, $"{wrong.Count} keys are not what they must be after {clock.Elapsed.TotalSeconds:0} s:\n{string.Join('\n', wrong.Take(Shown).Select(each => $"{each.Key.Node.Name} {each.Key.Path}: {each.Answer}"))}");
            left = [.. wrong.Select(each => each.Key)];
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }

        Report.Say($"{paths.Count} keys are the same on {cluster.Nodes.Count} nodes after {clock.Elapsed.TotalMilliseconds:0} ms");
    }

    private static async Task OneWinsAndTheOtherIsListedAsync(EventualCalls calls, FaultCluster cluster, CancellationToken cancellationToken)
    {
        var winners = new ConcurrentDictionary<string, string>();
        await ForEachAsync(PathsOf(Newest), async path => winners[path] = Assert.Single((await calls.SendAsync(HttpMethod.Get, cluster.Nodes[0], $"{path}?consistency=all")).Values));
        await ConvergesAsync(calls, cluster, PathsOf(Newest), (path, answer) => answer.Values is [var value] && value == winners[path], cancellationToken);
        var losers = (await ConflictsAsync(calls, cluster, Newest)).ToDictionary(
            conflict => $"kv/{Newest}/{conflict.GetProperty("key").GetString()}", conflict => conflict.GetProperty("losers").EnumerateArray().Select(loser => loser.GetProperty("value").GetString()!).ToList());
        Report.Say($"{winners.Values.Count(value => value == "left")} times the left side stands, {losers.Count} conflicts are listed");
        Assert.All(winners, pair => Assert.Equal([pair.Value == "left" ? "right" : "left"], losers.GetValueOrDefault(pair.Key) ?? []));
    }

    /// <summary>Every register has one value and lists the other; somebody decides for the other, and that is then everywhere, and listed no more.</summary>
    private static async Task LosersOfRegistersAreKeptAsync(EventualCalls calls, FaultCluster cluster, CancellationToken cancellationToken)
    {
        var kept = new ConcurrentDictionary<string, string>();
        var conflicts = await ConflictsAsync(calls, cluster, Registers);
        Assert.Equal(Few, conflicts.Count);
        await ForEachAsync(conflicts, async conflict =>
        {
            var loser = Assert.Single(conflict.GetProperty("losers").EnumerateArray());
            var path = $"crdt/{Registers}/{conflict.GetProperty("key").GetString()}";
            kept[path] = loser.GetProperty("json").GetString()!;
            Assert.Equal(kept[path] == "left" ? "right" : "left", (await calls.SendAsync(HttpMethod.Get, cluster.Nodes[0], path)).Json.GetProperty("value").GetString());
            var resolved = await calls.SendAsync(HttpMethod.Post, cluster.Nodes[2], $"conflicts/{conflict.GetProperty("id").GetString()}/resolve", $$"""{"keep":"{{loser.GetProperty("dot").GetString()}}"}""");
            Assert.True(resolved.IsDone, resolved.ToString());
        });
        await ConvergesAsync(calls, cluster, [.. kept.Keys], (path, answer) => answer.IsDone && answer.Json.GetProperty("value").GetString() == kept[path], cancellationToken);
        Assert.Empty(await ConflictsAsync(calls, cluster, Registers));
    }

    private static async Task<List<JsonElement>> ConflictsAsync(EventualCalls calls, FaultCluster cluster, string keyspace)
    {
        var conflicts = new List<JsonElement>();
        var cursor = "";
        do
        {
            var page = await calls.SendAsync(HttpMethod.Get, cluster.Nodes[1], $"conflicts?keyspace={keyspace}&limit=300{cursor}");
            Assert.True(page.IsDone, page.ToString());
            Assert.Empty(page.Json.GetProperty("missing").EnumerateArray());
            conflicts.AddRange(page.Json.GetProperty("conflicts").EnumerateArray());
            cursor = page.Json.TryGetProperty("cursor", out var next) ? $"&cursor={next.GetString()}" : "";
        }
        while (cursor.Length > 0);
        return conflicts;
    }

    /// <summary>A node that is cut off cannot look keyspaces up.</summary>
    private static async Task KnownEverywhereAsync(EventualCalls calls, FaultCluster cluster)
    {
        foreach (var node in cluster.Nodes)
        {
            foreach (var keyspace in new[] { Siblings, Newest })
                Assert.Equal(404, (await calls.SendAsync(HttpMethod.Get, node, $"kv/{keyspace}/never")).Status);
            Assert.Equal(404, (await calls.SendAsync(HttpMethod.Get, node, $"crdt/{Registers}/never")).Status);
        }
    }

    private static async Task WriteAllAsync(EventualCalls calls, ClusterNode node, string value)
    {
        await ForEachAsync([.. PathsOf(Siblings), .. PathsOf(Newest)], async path =>
        {
            var put = await calls.SendAsync(HttpMethod.Put, node, $"{path}?consistency=one", value);
            Assert.True(put.IsDone, $"{node.Name} {path}: {put}");
        });
        await ForEachAsync(Enumerable.Range(0, Few), async number =>
        {
            var set = await calls.SendAsync(HttpMethod.Post, node, string.Create(CultureInfo.InvariantCulture, $"crdt/{Registers}/k{number}?consistency=one"), $$"""{"set":"{{value}}"}""");
            Assert.True(set.IsDone, $"{node.Name} register {number}: {set}");
        });
    }

    private static List<string> PathsOf(string keyspace) => [.. Enumerable.Range(0, Keys).Select(number => string.Create(CultureInfo.InvariantCulture, $"kv/{keyspace}/k{number}"))];

    private static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> act) =>
        System.Threading.Tasks.Parallel.ForEachAsync(items, new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (item, _) => await act(item));
}

using System.Globalization;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using GrainDb.Faults.Transactions;
using GrainDb.Histories.Isolation;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>SIGKILL under transactions over six ranges, with a reader of the change feed that is restarted every second.</summary>
public sealed class KilledTransactionsTests
{
    private const int Clients = 32;
    private const int ShownViolations = 10;
    private const int Parallel = 4;

    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Downtime = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task No_money_is_made_no_anomaly_is_seen_and_the_feed_has_every_change_once()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        await using var run = await FaultRun.StartAsync(new WorkloadOptions { Clients = 2 }, new LoopbackNetwork(), null, cancellationToken);
        await using var load = new TransactionLoad(run.Cluster.Nodes, run.History, cancellationToken);
        await load.PrepareAsync();
        await using var feed = await FeedReader.StartAsync(run.Cluster.Nodes, TransactionLoad.Lists, run.History, cancellationToken);
        load.Start(Clients);
        foreach (var round in run.Rounds(few: 2))
        {
            var began = run.History.Now;
            await run.LoadAsync(Downtime);
            var victim = run.Cluster.Nodes[round % FaultRun.Nodes];
            var fault = run.History.Now;
            await victim.KillAsync(cancellationToken);
            await run.WritesAgainAsync($"{victim.Name} killed", fault, run.Cluster.Others(victim));
            await run.LoadAsync(Downtime);
            victim.Start();
            await victim.ReadyAsync(cancellationToken);
            await run.WholeAgainAsync($"{victim.Name} killed");
            if (began + BetweenKills - run.History.Now is { Ticks: > 0 } rest)
                await run.LoadAsync(rest);
        }

        await load.StopAsync();
        var stopped = run.History.Now;
        await SettledAsync(run, stopped, cancellationToken);
        await JudgeAsync(run, load, feed, cancellationToken);
        await run.FinishAsync();
    }

    /// <summary>No transaction stands undecided in any range for longer than 15 s after the last one was begun.</summary>
    private static async Task SettledAsync(FaultRun run, TimeSpan stopped, CancellationToken cancellationToken)
    {
        while (true)
        {
            var undecided = (await Task.WhenAll(run.Cluster.Nodes.Select(node => UndecidedAsync(run, node, cancellationToken)))).Sum();
            if (undecided == 0)
                break;
            Assert.True(run.History.Now - stopped < TransactionLoad.ToldWithin + run.StalledSince(stopped), $"{undecided} transactions are still undecided {(run.History.Now - stopped).TotalSeconds:0} s after the load");
            await Task.Delay(100, cancellationToken); // between two questions to other processes
        }

        Report.Say($"no intent is left {(run.History.Now - stopped).TotalMilliseconds:0} ms after the load");
    }

    private static async Task<int> UndecidedAsync(FaultRun run, ClusterNode node, CancellationToken cancellationToken)
    {
        var metrics = await run.Cluster.Http.GetStringAsync(new Uri($"{node.Url}/metrics"), cancellationToken);
        var lines = metrics.Split('\n').Where(line => line.StartsWith("graindb_txn_undecided", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(lines);
        return lines.Sum(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
    }

    private static async Task JudgeAsync(FaultRun run, TransactionLoad load, FeedReader feed, CancellationToken cancellationToken)
    {
        var transactions = load.History.Snapshot();
        var committed = transactions.Where(transaction => transaction.Outcome == Histories.OperationOutcome.Ok).ToList();
        Report.Say($"{transactions.Count} transactions over lists, {committed.Count} committed, {transactions.Count(transaction => transaction.Outcome == Histories.OperationOutcome.Unknown)} never told; {load.Counted.Count} counts; longest unknown {load.LongestUnknown.TotalSeconds:0.0} s; answers {load.Summary}");
        Assert.NotEmpty(committed);
        Assert.NotEmpty(load.Counted);
        Assert.DoesNotContain(transactions, transaction => transaction.Outcome == Histories.OperationOutcome.Unknown);
        Assert.InRange(load.LongestUnknown, TimeSpan.Zero, TransactionLoad.ToldWithin);
        Assert.Empty(AccountsChecker.Check(load.Counted, load.Accounts, load.Accounts.Count * TransactionLoad.Balance).Take(ShownViolations));
        var anomalies = AppendChecker.Check(transactions, isRealTime: true);
        Assert.True(anomalies.Count == 0, $"{anomalies.Count} anomalies:\n{string.Join('\n', anomalies.Take(ShownViolations))}");
        await JudgeFeedAsync(run, feed, committed, cancellationToken);
    }

    /// <summary>Exactly what the histories of the keys have, each once and in order.</summary>
    private static async Task JudgeFeedAsync(FaultRun run, FeedReader feed, List<ClientTransaction> committed, CancellationToken cancellationToken)
    {
        var last = committed.Max(transaction => transaction.CommitTimestamp).ToString();
        var waited = run.History.Now;
        while (string.CompareOrdinal(feed.Complete, last) < 0 && !feed.HasEnded)
        {
            Assert.True(run.History.Now - waited < TransactionLoad.ToldWithin, $"the feed is complete up to {feed.Complete}, the last commit was at {last}");
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }

        var (changes, wrong) = await feed.StopAsync();
        Report.Say($"feed: {changes.Count} changes, {feed.Repeated} of them again after {feed.Restarts} restarts");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(ShownViolations)));
        var keys = committed.SelectMany(transaction => transaction.Steps).Select(step => step.Key).ToHashSet();
        var there = new System.Collections.Concurrent.ConcurrentBag<(string Key, string Version)>();
        await System.Threading.Tasks.Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken }, async (key, token) =>
        {
            var history = await run.Cluster.Http.GetStringAsync(new Uri($"{run.Cluster.Nodes[0].Url}/v1/history/{TransactionLoad.Lists}/{key}"), token);
            foreach (var version in JsonDocument.Parse(history).RootElement.GetProperty("versions").EnumerateArray())
                there.Add((key, version.GetProperty("version").GetString()!));
        });
        Assert.Equal(changes.Count, changes.Distinct().Count());
        Assert.Empty(there.Except(changes).Take(ShownViolations));
        Assert.Empty(changes.Except(there).Take(ShownViolations));
    }
}

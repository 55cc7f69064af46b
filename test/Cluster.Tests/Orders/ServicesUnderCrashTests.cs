using GrainDb.Engine.Sagas;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>Calls of services while a node dies and comes back. Whoever gets no answer calls again, on another node, as the engine of sagas does.</summary>
public sealed class ServicesUnderCrashTests : IAsyncLifetime
{
    private const int Clients = 8;
    private const int Victim = 2;

    private readonly OrderCluster _cluster = new() { BuriesFast = true };
    private int _ended;
    private volatile bool _stopped;

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Stock_and_money_are_conserved_while_a_node_is_killed_and_comes_back()
    {
        await _cluster.SetStockAsync("a", 100, "1.00");
        await _cluster.SetStockAsync("b", 1_000_000, "1.00");
        await _cluster.SetBalanceAsync("rich", "1000000");
        await _cluster.SetBalanceAsync("poor", "20");
        var clients = Enumerable.Range(0, Clients).Select(RunAsync).ToList();
        await ProgressAsync(100);

        _cluster.Nodes.Crash(Victim);
        await ProgressAsync(100);
        await _cluster.Nodes.RestartAsync(Victim);
        await ProgressAsync(100);
        _stopped = true;

        var kept = (await Task.WhenAll(clients)).SelectMany(order => order).ToList();
        Assert.Equal(100 - kept.Count(order => order.Sku == "a"), await _cluster.StockAsync("a", Victim));
        Assert.Equal(1_000_000 - kept.Count(order => order.Sku == "b"), await _cluster.StockAsync("b", Victim));
        Assert.Equal($"{1_000_000 - kept.Count(order => order.Account == "rich")}.00", await _cluster.BalanceAsync("rich", Victim));
        Assert.Equal($"{20 - kept.Count(order => order.Account == "poor")}.00", await _cluster.BalanceAsync("poor", Victim));
    }

    /// <summary>Orders, one after the other: what was reserved and cannot be paid is released; one in four is given back altogether.</summary>
    private async Task<List<(string Sku, string Account)>> RunAsync(int client)
    {
        var random = new Random(client);
        var kept = new List<(string, string)>();
        while (!_stopped)
        {
            var (saga, sku, account) = (_cluster.NewName("saga"), random.Next(2) == 0 ? "a" : "b", random.Next(3) == 0 ? "poor" : "rich");
            var reserved = await FinallyAsync(node => _cluster.ReserveAsync(node, saga, isUndo: false, (sku, 1)));
            var charged = reserved && await FinallyAsync(node => _cluster.ChargeAsync(node, saga, isUndo: false, account, "1.00"));
            if (charged && random.Next(4) > 0)
            {
                kept.Add((sku, account));
            }
            else
            {
                await FinallyAsync(node => _cluster.ChargeAsync(node, saga, isUndo: true, account, "1.00"));
                await FinallyAsync(node => _cluster.ReserveAsync(node, saga, isUndo: true, (sku, 1)));
            }

            Interlocked.Increment(ref _ended);
        }

        return kept;
    }

    private static async Task<bool> FinallyAsync(Func<int, Task<SagaCallResult>> call)
    {
        for (var node = 0; ; node = 1 - node)
        {
            var result = await call(node);
            if (result.Status is SagaCallStatus.Completed or SagaCallStatus.Rejected)
                return result.Status == SagaCallStatus.Completed;
            Assert.True(result.Status is SagaCallStatus.Transient or SagaCallStatus.Unknown, result.ToString());
        }
    }

    private Task ProgressAsync(int orders)
    {
        var target = Volatile.Read(ref _ended) + orders;
        return _cluster.Nodes.UntilAsync(() => Task.FromResult(Volatile.Read(ref _ended) >= target));
    }
}

using System.Text.Json;
using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Orders;
using GrainDb.Grains.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Sagas;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>Three nodes, and the services of the order workflow on each, called as the engine of sagas calls them.</summary>
public sealed class OrderCluster : IAsyncLifetime
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(10);

    private readonly TestDirectory _directory = new();
    private int _names;

    internal GrainDbCluster Nodes { get; private set; } = null!;

    /// <summary>Whether a dead node is buried within seconds.</summary>
    internal bool BuriesFast { get; init; }

    /// <summary>Of the service <see cref="FailingRefunds"/>.</summary>
    internal FailingRefunds.Bank Bank { get; } = new();

    private Network Network { get; } = new();

    public async ValueTask InitializeAsync() =>
        Nodes = await GrainDbCluster.StartAsync(
            _directory,
            [1, 1, 1],
            new StorageOptions(),
            Network,
            BuriesFast,
            (_, services) => services.AddSingleton<ISagaService>(provider => new FailingRefunds(new PaymentService(provider.GetRequiredService<Participant>()), Bank)));

    public async ValueTask DisposeAsync()
    {
        Network.Heal();
        await Nodes.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>A name that nothing else in this cluster has.</summary>
    internal string NewName(string kind) => $"{kind}-{Interlocked.Increment(ref _names)}";

    internal ISagaService Service(int node, string name) => Nodes.Service<IEnumerable<ISagaService>>(node).Single(service => service.Name == name);

    internal Task<SagaCallResult> ReserveAsync(int node, string saga, bool isUndo, params (string Sku, long Quantity)[] lines) => CallAsync(
        node, InventoryService.ServiceName, isUndo ? InventoryService.Release : InventoryService.Reserve, saga, isUndo, new { lines = lines.Select(line => new { line.Sku, line.Quantity }) });

    internal Task<SagaCallResult> ChargeAsync(int node, string saga, bool isUndo, string account, string amount) =>
        CallAsync(node, PaymentService.ServiceName, isUndo ? PaymentService.Refund : PaymentService.Charge, saga, isUndo, new { account, amount });

    internal Task<SagaCallResult> ShipAsync(int node, string saga, bool isUndo, string order, long quantity) => CallAsync(
        node, ShippingService.ServiceName, isUndo ? ShippingService.Cancel : ShippingService.Create, saga, isUndo, new { order, customer = "c", lines = new[] { new { sku = "a", quantity } } });

    internal Task<SagaCallResult> CallAsync(int node, string service, string action, string saga, bool isUndo, object input) =>
        Service(node, service).CallAsync(Call(action, saga, isUndo, input), TestContext.Current.CancellationToken);

    internal static SagaCall Call(string action, string saga, bool isUndo, object input) =>
        new(saga, "step", action, isUndo, JsonSerializer.SerializeToElement(input, SagaJson.Options), Attempt: 1, CallTimeout);

    internal async Task SetStockAsync(string sku, long available, string price = "1.00")
    {
        Assert.True(Money.TryParse(price, out var money));
        var answer = await Orders(0).SetArticleAsync(new Article(sku, available, money), null, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
    }

    internal async Task SetBalanceAsync(string account, string balance)
    {
        Assert.True(Money.TryParse(balance, out var money));
        var answer = await Orders(0).SetAccountAsync(new Account(account, money), null, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
    }

    internal async Task<long> StockAsync(string sku, int node = 0)
    {
        var answer = await Orders(node).FindArticleAsync(sku, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
        return answer.Item!.Available;
    }

    internal async Task<string> BalanceAsync(string account, int node = 0)
    {
        var answer = await Orders(node).FindAccountAsync(account, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
        return answer.Item!.Balance.ToString();
    }

    internal async Task<string?> ShipmentAsync(string order, int node = 0) =>
        (await Orders(node).FindShipmentAsync(order, GrainDbCluster.Timeout, TestContext.Current.CancellationToken)).Item?.Status;

    internal ISagaStore Sagas(int node) => Nodes.Sagas(node);

    internal IOrderStore Orders(int node) => Nodes.Service<IOrderStore>(node);
}

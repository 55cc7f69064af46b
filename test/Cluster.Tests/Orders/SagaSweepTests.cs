using System.Text;
using System.Text.Json;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Orders;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>Sagas that ended longer ago than the retention are taken away, with all that was kept of them.</summary>
public sealed class SagaSweepTests(OrderCluster cluster) : IClassFixture<OrderCluster>
{
    private const string Waits = """{"steps":[{"name":"one","service":"inventory","action":"reserve","compensation":"release","waitFor":"go"}]}""";

    private static readonly TimeSpan Retention = TimeSpan.FromHours(1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_order_that_ended_long_ago_is_gone_and_to_place_it_again_ships_and_costs_nothing_twice()
    {
        var (order, sku, account) = (cluster.NewName("order"), cluster.NewName("article"), cluster.NewName("account"));
        await cluster.SetStockAsync(sku, 10, "1.00");
        await cluster.SetBalanceAsync(account, "10.00");
        Assert.Equal("completed", (await OrderAsync(order, sku, account)).Summary.Status);
        var history = await HistoryAsync(order);
        Assert.Null(history.Failure);

        await SweepAsync(DateTimeOffset.UtcNow + (2 * Retention));

        Assert.Equal(ErrorCode.SagaNotFound, (await FindAsync(order)).Failure!.Code);
        Assert.Equal(ErrorCode.SagaNotFound, (await HistoryAsync(order)).Failure!.Code);
        Assert.DoesNotContain(await ListAsync(), saga => saga.Id == order);
        for (var row = 0; row < history.Rows.Count; row++)
            Assert.False(await IsThereAsync(SystemKeyspaces.Sagas, SagaKeys.Row(order, row)));
        Assert.False(await IsThereAsync(SystemKeyspaces.Inventory, $"effect/{order}/{ProcessOrder.ReserveInventory}/do"));
        Assert.False(await IsThereAsync(SystemKeyspaces.Payments, $"effect/{order}/{ProcessOrder.ChargePayment}/do"));
        Assert.False(await IsThereAsync(SystemKeyspaces.Shipments, $"effect/{order}/{ProcessOrder.CreateShipment}/do"));

        var again = await OrderAsync(order, sku, account);
        Assert.Equal("compensated", again.Summary.Status);
        Assert.Contains("has a shipment already", again.Summary.Reason, StringComparison.Ordinal);
        Assert.Equal((9L, "9.00", "created"), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account), await cluster.ShipmentAsync(order)));
    }

    [Fact]
    public async Task What_ended_lately_and_what_has_not_ended_stays()
    {
        var (order, sku, account, waiting) = (cluster.NewName("order"), cluster.NewName("article"), cluster.NewName("account"), cluster.NewName("waiting"));
        await cluster.SetStockAsync(sku, 10, "1.00");
        await cluster.SetBalanceAsync(account, "10.00");
        Assert.Null((await cluster.Sagas(0).PutDefinitionAsync("waits_for_go", 1, Encoding.UTF8.GetBytes(Waits), null, GrainDbCluster.Timeout, Cancellation)).Failure);
        Assert.Null((await cluster.Sagas(0).StartAsync(new SagaStart(waiting, "waits_for_go", null, "null"u8.ToArray()), GrainDbCluster.Timeout, Cancellation)).Failure);
        await OrderAsync(order, sku, account);

        await SweepAsync(DateTimeOffset.UtcNow);
        Assert.Equal("completed", (await FindAsync(order)).Saga!.Summary.Status);
        Assert.True(await IsThereAsync(SystemKeyspaces.Payments, $"effect/{order}/{ProcessOrder.ChargePayment}/do"));

        await SweepAsync(DateTimeOffset.UtcNow + (2 * Retention));
        Assert.Equal("waiting", (await FindAsync(waiting)).Saga!.Summary.Status);
    }

    private async Task SweepAsync(DateTimeOffset now)
    {
        for (var node = 0; node < 3; node++)
            await cluster.Nodes.Service<SagaSweep>(node).SweepAsync(now, Retention, Cancellation);
    }

    private async Task<SagaView> OrderAsync(string order, string sku, string account)
    {
        var input = JsonSerializer.SerializeToUtf8Bytes(new { customer = "Ada", lines = new[] { new { sku, quantity = 1 } }, payment = new { account } });
        Assert.Null((await cluster.Sagas(0).StartAsync(new SagaStart(order, ProcessOrder.DefinitionName, null, input), GrainDbCluster.Timeout, Cancellation)).Failure);
        var answer = await cluster.Sagas(1).FindAsync(order, TimeSpan.FromSeconds(30), GrainDbCluster.Timeout, Cancellation);
        Assert.True(answer.Saga!.Summary.HasEnded);
        return answer.Saga;
    }

    private Task<SagaAnswer> FindAsync(string id) => cluster.Sagas(2).FindAsync(id, TimeSpan.Zero, GrainDbCluster.Timeout, Cancellation);

    private Task<SagaHistory> HistoryAsync(string id) => cluster.Sagas(2).HistoryAsync(id, 0, SagaQuery.MaxLimit, TimeSpan.Zero, GrainDbCluster.Timeout, Cancellation);

    private async Task<IReadOnlyList<SagaSummary>> ListAsync()
    {
        var page = await cluster.Sagas(0).ListAsync(new SagaQuery { Limit = SagaQuery.MaxLimit }, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(page.Failure);
        return page.Items;
    }

    private Task<bool> IsThereAsync(string keyspace, string key) => IsThereAsync(keyspace, Encoding.ASCII.GetBytes(key));

    private async Task<bool> IsThereAsync(string keyspace, byte[] key)
    {
        var read = await cluster.Nodes.Keys(0).ReadAsync(keyspace, key, Timestamp.Zero, default, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(read.Failure);
        return read.Found;
    }
}

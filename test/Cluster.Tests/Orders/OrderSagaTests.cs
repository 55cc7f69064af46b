using System.Text;
using System.Text.Json;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Orders;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>Whole orders on three nodes that are all there.</summary>
public sealed class OrderSagaTests(OrderCluster cluster) : IClassFixture<OrderCluster>
{
    private const string BankDefinition = """
        {"steps":[
          {"name":"reserve_inventory","service":"inventory","action":"reserve","compensation":"release","input":{"lines":"$.input.lines"}},
          {"name":"charge_payment","service":"payment-at-a-bank","action":"charge","compensation":"refund","retry":{"firstPause":"5ms","longestPause":"20ms","backwardAttempts":3},
           "input":{"account":"$.input.payment.account","amount":"$.steps.reserve_inventory.amount"}},
          {"name":"create_shipment","service":"shipping","action":"create","compensation":"cancel","kind":"pivot","input":{"order":"$.id","customer":"$.input.customer","lines":"$.input.lines"}}
        ]}
        """;

    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task An_order_that_can_be_filled_and_paid_is_completed_with_stock_money_and_shipment_in_step()
    {
        var (order, sku, account) = await PrepareAsync("20.00");

        var saga = await OrderAsync(order, sku, 2, account);

        Assert.Equal("completed", saga.Summary.Status);
        Assert.Equal("19.80", Output(saga, ProcessOrder.ReserveInventory).GetProperty("amount").GetString());
        Assert.Equal((98L, "0.20", "created"), (await cluster.StockAsync(sku, 1), await cluster.BalanceAsync(account, 2), await cluster.ShipmentAsync(order, 1)));
    }

    [Theory]
    [InlineData(101, "100000", "stock")]
    [InlineData(3, "29.69", "account")]
    public async Task An_order_that_cannot_is_compensated_and_leaves_everything_as_it_was(int quantity, string balance, string why)
    {
        var (order, sku, account) = await PrepareAsync(balance);

        var saga = await OrderAsync(order, sku, quantity, account);

        Assert.Equal("compensated", saga.Summary.Status);
        Assert.Contains(why, saga.Summary.Reason, StringComparison.Ordinal);
        Assert.True(Money.TryParse(balance, out var money));
        Assert.Equal((100L, money.ToString(), null), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account), await cluster.ShipmentAsync(order)));
    }

    [Fact]
    public async Task An_order_of_more_than_the_carrier_takes_is_paid_back()
    {
        var (order, sku, account) = await PrepareAsync("1000000");
        await cluster.SetStockAsync(sku, 20_000, "1.00");

        var saga = await OrderAsync(order, sku, OrderLimits.MaxPiecesPerShipment + 1, account);

        Assert.Equal("compensated", saga.Summary.Status);
        Assert.Contains("carrier", saga.Summary.Reason, StringComparison.Ordinal);
        Assert.Equal((20_000L, "1000000.00", null), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account), await cluster.ShipmentAsync(order)));
    }

    [Fact]
    public async Task One_order_that_is_placed_on_all_nodes_at_once_is_one()
    {
        var (order, sku, account) = await PrepareAsync("100.00");

        await Task.WhenAll(Enumerable.Range(0, 9).Select(place => StartAsync(place % 3, "process_order", order, sku, 1, account)));
        Assert.Equal("completed", (await EndAsync(order)).Summary.Status);

        Assert.Equal((99L, "90.10"), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account)));
    }

    [Fact]
    public async Task A_refund_that_keeps_failing_is_stuck_and_listed_and_ends_when_an_operator_retries_it()
    {
        var (order, sku, account) = await StuckAsync();
        var page = await cluster.Sagas(1).ListAsync(new SagaQuery { Statuses = ["stuckBackward"], Limit = 1000 }, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Contains(page.Items, saga => saga.Id == order && saga.Step == ProcessOrder.ChargePayment && saga.Reason!.Contains("the bank is closed", StringComparison.Ordinal));

        cluster.Bank.IsClosed = false;
        await ActAsync(order, SagaCommandKind.Retry);

        Assert.Equal("compensated", (await EndAsync(order)).Summary.Status);
        Assert.Equal((20_000L, "100000.00"), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account)));
    }

    [Fact]
    public async Task A_refund_that_an_operator_marks_undone_ends_the_order_and_no_late_call_has_an_effect()
    {
        var (order, sku, account) = await StuckAsync();
        var charged = await cluster.BalanceAsync(account);

        await ActAsync(order, SagaCommandKind.MarkUndone);
        cluster.Bank.IsClosed = false;

        Assert.Equal("compensated", (await EndAsync(order)).Summary.Status);
        Assert.Equal((20_000L, charged), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account)));
        var input = JsonSerializer.SerializeToElement(new { account, amount = "10001.00" }, SagaJson.Options);
        foreach (var isUndo in new[] { true, false, true })
        {
            var call = OrderCluster.Call(isUndo ? "refund" : "charge", order, isUndo, input) with { Step = ProcessOrder.ChargePayment };
            Assert.Equal(SagaCallStatus.Completed, (await cluster.Service(0, FailingRefunds.ServiceName).CallAsync(call, TestContext.Current.CancellationToken)).Status);
            Assert.Equal(charged, await cluster.BalanceAsync(account));
        }
    }

    private async Task<(string Order, string Sku, string Account)> PrepareAsync(string balance)
    {
        var (order, sku, account) = (cluster.NewName("order"), cluster.NewName("article"), cluster.NewName("account"));
        await cluster.SetStockAsync(sku, 100, "9.90");
        await cluster.SetBalanceAsync(account, balance);
        return (order, sku, account);
    }

    /// <summary>An order that was paid, cannot be shipped, and cannot be paid back.</summary>
    private async Task<(string Order, string Sku, string Account)> StuckAsync()
    {
        var (order, sku, account) = await PrepareAsync("100000.00");
        await cluster.SetStockAsync(sku, 20_000, "1.00");
        var defined = await cluster.Sagas(0).PutDefinitionAsync("order_at_a_bank", 1, Encoding.UTF8.GetBytes(BankDefinition), null, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(defined.Failure);
        cluster.Bank.IsClosed = true;
        await StartAsync(0, "order_at_a_bank", order, sku, OrderLimits.MaxPiecesPerShipment + 1, account);
        await cluster.Nodes.UntilAsync(async () => (await FindAsync(order, TimeSpan.Zero)).Summary.Status == "stuckBackward");
        Assert.Equal((20_000L - OrderLimits.MaxPiecesPerShipment - 1, "89999.00"), (await cluster.StockAsync(sku), await cluster.BalanceAsync(account)));
        return (order, sku, account);
    }

    private async Task<SagaView> OrderAsync(string order, string sku, long quantity, string account)
    {
        await StartAsync(0, "process_order", order, sku, quantity, account);
        return await EndAsync(order);
    }

    private async Task StartAsync(int node, string definition, string order, string sku, long quantity, string account)
    {
        var input = JsonSerializer.SerializeToUtf8Bytes(new { customer = "Ada", lines = new[] { new { sku, quantity } }, payment = new { account } });
        var answer = await cluster.Sagas(node).StartAsync(new SagaStart(order, definition, null, input), GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
    }

    private async Task ActAsync(string order, SagaCommandKind kind)
    {
        var answer = await cluster.Sagas(2).ActAsync(
            order, new SagaCommand(kind, ProcessOrder.ChargePayment, "tester", "the customer called", default), null, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
    }

    private async Task<SagaView> EndAsync(string order)
    {
        var saga = await FindAsync(order, Wait);
        Assert.True(saga.Summary.HasEnded, saga.Summary.ToString());
        return saga;
    }

    private async Task<SagaView> FindAsync(string order, TimeSpan wait)
    {
        var answer = await cluster.Sagas(1).FindAsync(order, wait, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.Null(answer.Failure);
        return answer.Saga!;
    }

    private static JsonElement Output(SagaView saga, string step) => JsonSerializer.Deserialize<JsonElement>(saga.Steps.Single(each => each.Name == step).Output.Span);
}

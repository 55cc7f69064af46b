using GrainDb.LoadTool.Orders;

namespace GrainDb.LoadTool.Tests.Orders;

/// <summary>Orders of many clients, and the audit of the books behind them: right books are right, and each way in which a shop may be wrong is noticed.</summary>
public sealed class OrderRunTests
{
    private const int Clients = 8;
    private const int Orders = 80;

    [Fact]
    public async Task All_orders_of_the_good_mix_complete_and_the_books_are_right()
    {
        var (run, violations) = await RunAsync(ShopError.None, isGood: true);

        Assert.Empty(violations);
        Assert.Equal(Orders, run.Count);
        Assert.All(run, order => Assert.Equal(("completed", OrderBook.Text(order.Cost)), (order.Status, order.Amount)));
    }

    [Fact]
    public async Task Of_the_full_mix_some_complete_and_some_do_not()
    {
        var (run, violations) = await RunAsync(ShopError.None, isGood: false);

        Assert.Empty(violations);
        Assert.Equal(["compensated", "completed"], run.Select(order => order.Status).Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(ShopError.ChargesTwice, "account")]
    [InlineData(ShopError.ShipsWhatIsNotCompleted, "its shipment created")]
    [InlineData(ShopError.KeepsStockOfCompensatedOrders, "article")]
    [InlineData(ShopError.LeavesOneOrderStuck, "ended 'stuck'")]
    public async Task A_shop_that_is_wrong_is_noticed(ShopError error, string what)
    {
        var (_, violations) = await RunAsync(error, isGood: false);

        Assert.Contains(violations, violation => violation.Contains(what, StringComparison.Ordinal));
    }

    private static async Task<(IReadOnlyCollection<PlacedOrder> Orders, IReadOnlyList<string> Violations)> RunAsync(ShopError error, bool isGood)
    {
        await using var shop = new FakeShop(error);
        using var run = new OrderRun([shop.Url], "test", isGood);
        await run.SetUpAsync(TestContext.Current.CancellationToken);
        await run.RunAsync(Clients, (place, _) => place <= Orders, TestContext.Current.CancellationToken);
        return (run.Orders, await run.AuditAsync(TestContext.Current.CancellationToken));
    }
}

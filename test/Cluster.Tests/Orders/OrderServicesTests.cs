using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Orders;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Orders;

namespace GrainDb.Cluster.Tests.Orders;

/// <summary>What inventory, payment and shipping do, on three nodes that are all there.</summary>
public sealed class OrderServicesTests(OrderCluster cluster) : IClassFixture<OrderCluster>
{
    [Fact]
    public async Task A_reservation_takes_all_lines_at_their_prices_and_a_release_puts_them_back()
    {
        var (apple, pear, saga) = (cluster.NewName("apple"), cluster.NewName("pear"), cluster.NewName("saga"));
        await cluster.SetStockAsync(apple, 10, "9.90");
        await cluster.SetStockAsync(pear, 5, "0.05");

        var done = await cluster.ReserveAsync(0, saga, isUndo: false, (apple, 3), (pear, 4), (apple, 1));

        Assert.Equal((SagaCallStatus.Completed, "39.80"), (done.Status, done.Output.GetProperty("amount").GetString()));
        Assert.Equal((6, 1), (await cluster.StockAsync(apple, 1), await cluster.StockAsync(pear, 2)));

        var undone = await cluster.ReserveAsync(1, saga, isUndo: true, (apple, 3), (pear, 4), (apple, 1));

        Assert.Equal(SagaCallStatus.Completed, undone.Status);
        Assert.Equal((10, 5), (await cluster.StockAsync(apple), await cluster.StockAsync(pear)));
    }

    [Fact]
    public async Task A_reservation_of_more_than_there_is_takes_nothing_and_stays_refused_when_stock_comes()
    {
        var (apple, pear, saga) = (cluster.NewName("apple"), cluster.NewName("pear"), cluster.NewName("saga"));
        await cluster.SetStockAsync(apple, 10);
        await cluster.SetStockAsync(pear, 2);

        var refused = await cluster.ReserveAsync(0, saga, isUndo: false, (apple, 3), (pear, 3));
        await cluster.SetStockAsync(pear, 100);
        var again = await cluster.ReserveAsync(2, saga, isUndo: false, (apple, 3), (pear, 3));

        Assert.Equal(SagaCallStatus.Rejected, refused.Status);
        Assert.Contains(pear, refused.Reason, StringComparison.Ordinal);
        Assert.Equal(refused, again);
        Assert.Equal((10, 100), (await cluster.StockAsync(apple), await cluster.StockAsync(pear)));
    }

    [Fact]
    public async Task An_article_that_nobody_made_is_refused()
    {
        var result = await cluster.ReserveAsync(0, cluster.NewName("saga"), isUndo: false, ("nothing", 1));
        Assert.Equal((SagaCallStatus.Rejected, "there is no article 'nothing'"), (result.Status, result.Reason));
    }

    [Fact]
    public async Task A_charge_takes_what_is_there_and_a_refund_gives_it_back_once()
    {
        var (account, first, second) = (cluster.NewName("account"), cluster.NewName("saga"), cluster.NewName("saga"));
        await cluster.SetBalanceAsync(account, "10.00");

        Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(0, first, isUndo: false, account, "6.50")).Status);
        Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(1, first, isUndo: false, account, "6.50")).Status);
        Assert.Equal(SagaCallStatus.Rejected, (await cluster.ChargeAsync(2, second, isUndo: false, account, "3.51")).Status);
        Assert.Equal("3.50", await cluster.BalanceAsync(account));

        Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(1, first, isUndo: true, account, "6.50")).Status);
        Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(2, first, isUndo: true, account, "6.50")).Status);
        Assert.Equal("10.00", await cluster.BalanceAsync(account));
    }

    [Theory]
    [InlineData("nobody", "1.00", "there is no account 'nobody'")]
    [InlineData("no/body", "1.00", "an account has a name, 1 to 128 of A-Z a-z 0-9 . _ -; this is 'no/body'")]
    [InlineData("nobody", "1.001", "the amount '1.001' is not a decimal number with at most two decimal places, like 9.90, from 0 to 10000000000000")]
    public async Task A_charge_that_cannot_be_made_is_refused_with_its_reason(string account, string amount, string reason)
    {
        var result = await cluster.ChargeAsync(0, cluster.NewName("saga"), isUndo: false, account, amount);
        Assert.Equal((SagaCallStatus.Rejected, reason), (result.Status, result.Reason));
    }

    [Fact]
    public async Task A_shipment_is_created_and_cancelled_and_more_than_the_carrier_takes_is_refused()
    {
        var (order, saga) = (cluster.NewName("order"), cluster.NewName("saga"));

        Assert.Null(await cluster.ShipmentAsync(order));
        Assert.Equal(SagaCallStatus.Completed, (await cluster.ShipAsync(0, saga, isUndo: false, order, 10)).Status);
        Assert.Equal("created", await cluster.ShipmentAsync(order, 1));
        Assert.Equal(SagaCallStatus.Completed, (await cluster.ShipAsync(0, saga, isUndo: true, order, 10)).Status);
        Assert.Equal("cancelled", await cluster.ShipmentAsync(order, 2));
        Assert.Equal(SagaCallStatus.Rejected, (await cluster.ShipAsync(0, cluster.NewName("saga"), isUndo: false, cluster.NewName("order"), OrderLimits.MaxPiecesPerShipment + 1)).Status);
        Assert.Equal(SagaCallStatus.Rejected, (await cluster.ShipAsync(0, cluster.NewName("saga"), isUndo: false, order, 1)).Status);
    }

    [Fact]
    public async Task An_input_that_is_none_is_a_bug_and_so_is_another_one_for_the_same_step()
    {
        var (account, saga) = (cluster.NewName("account"), cluster.NewName("saga"));
        await cluster.SetBalanceAsync(account, "10.00");
        Assert.Equal(SagaCallStatus.Bug, (await cluster.CallAsync(0, PaymentService.ServiceName, PaymentService.Charge, saga, isUndo: false, new { account, sum = 1 })).Status);
        Assert.Equal(SagaCallStatus.Bug, (await cluster.CallAsync(0, PaymentService.ServiceName, PaymentService.Charge, saga, isUndo: false, new[] { account })).Status);

        Assert.Equal(SagaCallStatus.Completed, (await cluster.ChargeAsync(0, saga, isUndo: false, account, "1.00")).Status);
        Assert.Equal(SagaCallStatus.Bug, (await cluster.ChargeAsync(0, saga, isUndo: false, account, "2.00")).Status);
        Assert.Equal(SagaCallStatus.Bug, (await cluster.ChargeAsync(0, saga, isUndo: true, account, "2.00")).Status);
        Assert.Equal("9.00", await cluster.BalanceAsync(account));
    }

    [Fact]
    public async Task Sixty_four_who_meet_at_one_article_and_one_account_all_get_on()
    {
        const int Clients = 64;
        const int Each = 8;
        var (apple, account) = (cluster.NewName("apple"), cluster.NewName("account"));
        await cluster.SetStockAsync(apple, (Clients * Each) - 100);
        await cluster.SetBalanceAsync(account, $"{(Clients * Each) - 200}");

        var results = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            var completed = (Reserved: 0, Charged: 0);
            for (var i = 0; i < Each; i++)
            {
                var saga = cluster.NewName("saga");
                var reserved = await cluster.ReserveAsync(client % 3, saga, isUndo: false, (apple, 1));
                var charged = await cluster.ChargeAsync(client % 3, saga, isUndo: false, account, "1.00");
                Assert.All([reserved, charged], result => Assert.True(result.Status is SagaCallStatus.Completed or SagaCallStatus.Rejected, result.ToString()));
                completed = (completed.Reserved + (reserved.Status == SagaCallStatus.Completed ? 1 : 0), completed.Charged + (charged.Status == SagaCallStatus.Completed ? 1 : 0));
            }

            return completed;
        }));

        Assert.Equal(((Clients * Each) - 100, (Clients * Each) - 200), (results.Sum(result => result.Reserved), results.Sum(result => result.Charged)));
        Assert.Equal((0, "0.00"), (await cluster.StockAsync(apple), await cluster.BalanceAsync(account)));
    }

    [Fact]
    public void The_built_in_definition_has_nothing_wrong_and_asks_its_services_for_what_they_do()
    {
        Assert.Empty(ProcessOrder.Definition.FindProblems());
        var services = cluster.Nodes.Service<IEnumerable<ISagaService>>(0).ToDictionary(service => service.Name);
        Assert.All(ProcessOrder.Definition.Steps, step => Assert.Equal(step.Compensation, services[step.Service].Actions[step.Action]));
    }

    [Fact]
    public async Task A_row_that_is_set_is_new_once_and_a_repeated_request_does_nothing()
    {
        var sku = cluster.NewName("apple");
        var stamp = new GrainDb.Interfaces.Transactions.IdempotencyStamp(sku, 1, default);
        var first = await cluster.Orders(0).SetArticleAsync(new Article(sku, 5, new Money(100)), stamp, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        await cluster.ReserveAsync(0, cluster.NewName("saga"), isUndo: false, (sku, 2));
        var again = await cluster.Orders(1).SetArticleAsync(new Article(sku, 5, new Money(100)), stamp, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        var other = await cluster.Orders(2).SetArticleAsync(new Article(sku, 7, new Money(100)), stamp with { RequestHash = 2 }, GrainDbCluster.Timeout, TestContext.Current.CancellationToken);

        Assert.Equal((true, false), (first.IsNew, first.IsRepeated));
        Assert.Equal((true, true), (again.IsNew, again.IsRepeated));
        Assert.Equal(ErrorCode.IdempotencyMismatch, other.Failure!.Code);
        Assert.Equal(3, await cluster.StockAsync(sku));
    }
}

using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Sagas.Participants;
using GrainDb.Grains.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Orders;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Orders;

/// <summary>Stock, accounts and shipments, read and set by themselves. All rows of one item are read and written in one transaction.</summary>
internal sealed class OrderStore(SystemTransactions transactions) : IOrderStore
{
    public async Task<OrderAnswer<Article>> SetArticleAsync(Article article, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNotName("article", article.Sku) is { } unnamed)
            return Failed<Article>(unnamed);
        if (article.Available is < 0 or > OrderLimits.MaxAvailable)
            return Failed<Article>(Failure.NotApplied(ErrorCode.InvalidRequest, $"available is {article.Available}: 0 to {OrderLimits.MaxAvailable}"));
        var rows = InventoryService.Rows;
        var (stock, price) = (InventoryService.StockKey(article.Sku), InventoryService.PriceKey(article.Sku));
        return await SetAsync(rows, price, [rows.Put(stock, article.Available), rows.Put(price, article.Price.Hundredths)], article, idempotency, timeout, cancellationToken);
    }

    public async Task<OrderAnswer<Article>> FindArticleAsync(string sku, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNotName("article", sku) is { } unnamed)
            return Failed<Article>(unnamed);
        var (stock, price) = (InventoryService.StockKey(sku), InventoryService.PriceKey(sku));
        return await FindAsync(
            InventoryService.Rows,
            [stock, price],
            rows => rows.Find(price) is null ? null : new Article(sku, Integer(rows, stock), new Money(Integer(rows, price))),
            new Failure(ErrorCode.ArticleNotFound, Outcome.NotApplied, $"there is no article '{sku}'"),
            timeout,
            cancellationToken);
    }

    public async Task<OrderAnswer<Account>> SetAccountAsync(Account account, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNotName("account", account.Id) is { } unnamed)
            return Failed<Account>(unnamed);
        var balance = PaymentService.BalanceKey(account.Id);
        return await SetAsync(PaymentService.Rows, balance, [PaymentService.Rows.Put(balance, account.Balance.Hundredths)], account, idempotency, timeout, cancellationToken);
    }

    public async Task<OrderAnswer<Account>> FindAccountAsync(string id, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNotName("account", id) is { } unnamed)
            return Failed<Account>(unnamed);
        var balance = PaymentService.BalanceKey(id);
        return await FindAsync(
            PaymentService.Rows,
            [balance],
            rows => rows.Find(balance) is null ? null : new Account(id, new Money(Integer(rows, balance))),
            new Failure(ErrorCode.AccountNotFound, Outcome.NotApplied, $"there is no account '{id}'"),
            timeout,
            cancellationToken);
    }

    public async Task<OrderAnswer<Shipment>> FindShipmentAsync(string order, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (WhyNotName("order", order) is { } unnamed)
            return Failed<Shipment>(unnamed);
        var key = ShippingService.ShipmentKey(order);
        return await FindAsync(
            ShippingService.Rows,
            [key],
            rows => rows.Find(key) is { } row && JsonSerializer.Deserialize<ShipmentRow>(row.Value.Span, SagaJson.Options) is { } shipment ? new Shipment(order, shipment.Status) : null,
            new Failure(ErrorCode.ShipmentNotFound, Outcome.NotApplied, $"no shipment was created for order '{order}'"),
            timeout,
            cancellationToken);
    }

    private async Task<OrderAnswer<T>> SetAsync<T>(
        KeyspaceRows rows, string key, IReadOnlyList<TransactWrite> writes, T item, IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
        where T : class
    {
        var result = await transactions.TransactAsync(
            new TransactRequest { Reads = [rows.Read(key)], Writes = writes, Idempotency = idempotency }, timeout, cancellationToken);
        return result.Failure is { } failure
            ? Failed<T>(failure)
            : new OrderAnswer<T> { Item = item, IsNew = result.Reads[0].Item is null, IsRepeated = result.Repeated is not null };
    }

    private async Task<OrderAnswer<T>> FindAsync<T>(
        KeyspaceRows rows, IReadOnlyList<string> keys, Func<KnownRows, T?> read, Failure absent, TimeSpan timeout, CancellationToken cancellationToken)
        where T : class
    {
        var result = await transactions.TransactAsync(new TransactRequest { Reads = [.. keys.Select(rows.Read)] }, timeout, cancellationToken);
        if (result.Failure is { } failure)
            return Failed<T>(failure);
        try
        {
            return read(KnownRows.Of(keys, result.Reads)) is { } item ? new OrderAnswer<T> { Item = item } : Failed<T>(absent);
        }
        catch (Exception exception) when (exception is JsonException or InvalidDataException)
        {
            return Failed<T>(Failure.NotApplied(ErrorCode.Internal, $"{rows.Name}/{keys[0]}: {exception.Message}"));
        }
    }

    private static long Integer(KnownRows rows, string key) => rows.Integer(key) ?? throw new InvalidDataException($"{key} is no integer");

    private static Failure? WhyNotName(string what, string name) => SagaDefinition.IsName(name, OrderLimits.MaxNameLength)
        ? null
        : Failure.NotApplied(ErrorCode.InvalidRequest, $"the name of an {what} is 1 to {OrderLimits.MaxNameLength} of A-Z a-z 0-9 . _ -");

    private static OrderAnswer<T> Failed<T>(Failure failure)
        where T : class => new() { Failure = failure };
}

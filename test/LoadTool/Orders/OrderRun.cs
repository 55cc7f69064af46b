using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace GrainDb.LoadTool.Orders;

/// <summary>
/// Many clients place orders, each waiting for the end of one before the next; then the books are audited against what every order came to:
/// what is missing in stock is what completed orders have, what is missing on accounts is what they cost, and each completed order, and no other, has a shipment.
/// </summary>
internal sealed class OrderRun : IDisposable
{
    /// <summary>An order that has not ended by then has not ended without help.</summary>
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(20);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = RequestTimeout };
    private readonly IReadOnlyList<string> _endpoints;
    private readonly OrderBook _book;
    private readonly string _name;
    private readonly ConcurrentQueue<PlacedOrder> _orders = new();
    private readonly ConcurrentQueue<string> _violations = new();
    private int _placed;

    /// <param name="endpoints">Where the nodes serve, <c>http://host:port</c>.</param>
    /// <param name="name">Begins the names of everything in the run.</param>
    /// <param name="isGood">Whether every order is to complete.</param>
    public OrderRun(IReadOnlyList<string> endpoints, string name, bool isGood)
    {
        _endpoints = endpoints;
        _name = name;
        _book = new OrderBook(name, isGood);
    }

    /// <summary>The orders so far, ended ones.</summary>
    public IReadOnlyCollection<PlacedOrder> Orders => _orders;

    public void Dispose() => _http.Dispose();

    /// <summary>Makes articles and accounts.</summary>
    public async Task SetUpAsync(CancellationToken cancellationToken)
    {
        var client = new OrderClient(_http, _endpoints, 0);
        foreach (var article in _book.Articles)
            await client.SetAsync($"/v1/inventory/{article.Sku}", new { available = article.Stock, price = OrderBook.Text(article.Price) }, cancellationToken);
        foreach (var account in _book.Accounts)
            await client.SetAsync($"/v1/payments/accounts/{account.Name}", new { balance = OrderBook.Text(account.Balance) }, cancellationToken);
    }

    /// <summary>Places orders; returns when each has ended, or was waited for long enough.</summary>
    /// <param name="clients">Those who place them, each one after the other.</param>
    /// <param name="goesOn">Whether another one is placed: which it would be, the first being 1, and how long it has been.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(int clients, Func<int, TimeSpan, bool> goesOn, CancellationToken cancellationToken)
    {
        var running = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async number =>
        {
            var (client, random) = (new OrderClient(_http, _endpoints, number), new Random(number));
            while (!cancellationToken.IsCancellationRequested && Interlocked.Increment(ref _placed) is var place && goesOn(place, running.Elapsed))
            {
                await OrderAsync(client, _book.Next($"{_name}-{place}", random), cancellationToken);
                if (place % 16 == 0)
                    await LookAsync(client, random, cancellationToken);
            }
        }));
    }

    /// <summary>What is wrong; empty when the books are right.</summary>
    public async Task<IReadOnlyList<string>> AuditAsync(CancellationToken cancellationToken)
    {
        var client = new OrderClient(_http, _endpoints, 0);
        var completed = _orders.Where(order => order.Status == "completed").ToList();
        foreach (var order in _orders.Where(order => order.Status is not ("completed" or "compensated")))
            _violations.Enqueue($"order {order.Id} ended '{order.Status}'");
        foreach (var order in completed.Where(order => order.Amount != OrderBook.Text(order.Cost)))
            _violations.Enqueue($"order {order.Id} was {order.Amount} and costs {OrderBook.Text(order.Cost)}");
        foreach (var article in _book.Articles)
        {
            var sold = completed.Sum(order => order.Lines.Where(line => line.Article == article).Sum(line => line.Quantity));
            var available = (await client.GetAsync($"/v1/inventory/{article.Sku}", cancellationToken))?.GetProperty("available").GetInt64();
            if (available != article.Stock - sold)
                _violations.Enqueue($"article {article.Sku}: {available} available; {article.Stock} at first, {sold} sold");
        }

        foreach (var account in _book.Accounts)
        {
            var paid = completed.Where(order => order.Account == account).Sum(order => order.Cost);
            var balance = (await client.GetAsync($"/v1/payments/accounts/{account.Name}", cancellationToken))?.GetProperty("balance").GetString();
            if (balance != OrderBook.Text(account.Balance - paid))
                _violations.Enqueue($"account {account.Name}: {balance}; {OrderBook.Text(account.Balance)} at first, {OrderBook.Text(paid)} paid");
        }

        foreach (var order in _orders)
        {
            var shipment = (await client.GetAsync($"/v1/shipments/{order.Id}", cancellationToken))?.GetProperty("status").GetString();
            if (shipment == "created" != (order.Status == "completed"))
                _violations.Enqueue($"order {order.Id} is {order.Status}, its shipment {shipment ?? "not there"}");
        }

        return [.. _violations];
    }

    private async Task OrderAsync(OrderClient client, PlacedOrder order, CancellationToken cancellationToken)
    {
        var took = Stopwatch.StartNew();
        await client.PlaceAsync(order, cancellationToken);
        while (true)
        {
            var seen = await client.GetAsync($"/v1/orders/{order.Id}?wait=10s", cancellationToken);
            var status = seen?.GetProperty("status").GetString() ?? "not there";
            order.Took = took.Elapsed;
            if (status is not ("pending" or "compensating") || took.Elapsed > EndsWithin)
            {
                order.Status = status;
                order.Amount = seen?.TryGetProperty("amount", out var amount) == true ? amount.GetString() : null;
                _orders.Enqueue(order);
                return;
            }
        }
    }

    /// <summary>At no moment there is less than nothing.</summary>
    private async Task LookAsync(OrderClient client, Random random, CancellationToken cancellationToken)
    {
        var article = _book.Articles[random.Next(_book.Articles.Count)].Sku;
        var account = _book.Accounts[random.Next(_book.Accounts.Count)].Name;
        if ((await client.GetAsync($"/v1/inventory/{article}", cancellationToken))?.GetProperty("available").GetInt64() is not >= 0)
            _violations.Enqueue($"article {article} had less than nothing");
        var balance = (await client.GetAsync($"/v1/payments/accounts/{account}", cancellationToken))?.GetProperty("balance").GetString();
        if (!decimal.TryParse(balance, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _))
            _violations.Enqueue($"account {account} had {balance}");
    }
}

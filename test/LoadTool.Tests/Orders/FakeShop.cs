using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using GrainDb.LoadTool.Orders;

namespace GrainDb.LoadTool.Tests.Orders;

/// <summary>What a shop may do wrong.</summary>
public enum ShopError
{
    None,
    ChargesTwice,
    ShipsWhatIsNotCompleted,
    KeepsStockOfCompensatedOrders,
    LeavesOneOrderStuck,
}

/// <summary>Orders over HTTP as GrainDb has them, in memory, right or wrong in one way.</summary>
internal sealed class FakeShop : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ShopError _error;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Available, long Price)> _stock = [];
    private readonly Dictionary<string, long> _balances = [];
    private readonly Dictionary<string, (string Status, long Amount)> _orders = [];
    private readonly HashSet<string> _shipments = [];
    private readonly Task _serving;

    public FakeShop(ShopError error)
    {
        _error = error;
        using (var port = new TcpListener(IPAddress.Loopback, 0))
        {
            port.Start();
            Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)port.LocalEndpoint).Port}");
        }

        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url { get; }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var body = context.Request.HasEntityBody ? await JsonDocument.ParseAsync(context.Request.InputStream) : null;
                var answer = Answer(context.Request.HttpMethod, context.Request.Url!.AbsolutePath.Split('/')[2..], body?.RootElement ?? default);
                context.Response.StatusCode = answer is null ? 404 : 200;
                context.Response.Close(JsonSerializer.SerializeToUtf8Bytes(answer ?? new { }), willBlock: false);
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private object? Answer(string method, string[] path, JsonElement body)
    {
        lock (_gate)
        {
            switch (method, path)
            {
                case ("PUT", ["inventory", var sku]):
                    _stock[sku] = (body.GetProperty("available").GetInt64(), Hundredths(body.GetProperty("price")));
                    return new { };
                case ("PUT", ["payments", "accounts", var account]):
                    _balances[account] = Hundredths(body.GetProperty("balance"));
                    return new { };
                case ("GET", ["inventory", var sku]):
                    return new { available = _stock[sku].Available };
                case ("GET", ["payments", "accounts", var account]):
                    return new { balance = OrderBook.Text(_balances[account]) };
                case ("GET", ["shipments", var order]):
                    return _shipments.Contains(order) ? new { status = "created" } : null;
                case ("GET", ["orders", var order]):
                    return new { status = _orders[order].Status, amount = OrderBook.Text(_orders[order].Amount) };
                default:
                    Place(body.GetProperty("id").GetString()!, body);
                    return new { };
            }
        }
    }

    private void Place(string order, JsonElement body)
    {
        if (_orders.ContainsKey(order))
            return;
        var lines = body.GetProperty("lines").EnumerateArray().Select(line => (Sku: line.GetProperty("sku").GetString()!, Quantity: line.GetProperty("quantity").GetInt64())).ToList();
        var account = body.GetProperty("payment").GetProperty("account").GetString()!;
        var cost = lines.Sum(line => _stock[line.Sku].Price * line.Quantity);
        var isFilled = lines.TrueForAll(line => _stock[line.Sku].Available >= line.Quantity) && _balances[account] >= cost && lines.Sum(line => line.Quantity) < OrderBook.TooManyPieces;
        if (isFilled && _error == ShopError.LeavesOneOrderStuck && _orders.Values.All(placed => placed.Status != "stuck"))
        {
            _orders[order] = ("stuck", cost);
            return;
        }

        _orders[order] = (isFilled ? "completed" : "compensated", cost);
        if (isFilled || _error == ShopError.KeepsStockOfCompensatedOrders)
        {
            foreach (var (sku, quantity) in lines)
                _stock[sku] = (_stock[sku].Available - quantity, _stock[sku].Price);
        }

        if (isFilled)
            _balances[account] -= _error == ShopError.ChargesTwice ? 2 * cost : cost;
        if (isFilled || _error == ShopError.ShipsWhatIsNotCompleted)
            _shipments.Add(order);
    }

    private static long Hundredths(JsonElement amount) => long.Parse(amount.GetString()!.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}

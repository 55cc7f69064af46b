using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace GrainDb.LoadTool.Orders;

/// <summary>
/// Places orders and asks for them, at any node that answers. Everything here may be repeated whatever became of the first try: an order is one by its id, and rows are set before anything runs.
/// </summary>
internal sealed class OrderClient(HttpClient http, IReadOnlyList<string> endpoints, int first)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private int _endpoint = first;

    /// <summary>Sets an article or an account.</summary>
    public async Task SetAsync(string path, object body, CancellationToken cancellationToken) =>
        await SendAsync(() => new HttpRequestMessage(HttpMethod.Put, path) { Content = JsonContent.Create(body) }, cancellationToken);

    /// <summary>Places an order.</summary>
    public async Task PlaceAsync(PlacedOrder order, CancellationToken cancellationToken)
    {
        var body = new
        {
            id = order.Id,
            customer = "load",
            lines = order.Lines.Select(line => new { sku = line.Article.Sku, quantity = line.Quantity }),
            payment = new { account = order.Account.Name },
        };
        await SendAsync(() => new HttpRequestMessage(HttpMethod.Post, "/v1/orders") { Content = JsonContent.Create(body) }, cancellationToken);
    }

    /// <summary>Reads something; null when it is not there.</summary>
    public Task<JsonElement?> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(() => new HttpRequestMessage(HttpMethod.Get, path), cancellationToken);

    private async Task<JsonElement?> SendAsync(Func<HttpRequestMessage> request, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            using var message = request();
            message.RequestUri = new Uri(endpoints[_endpoint % endpoints.Count] + message.RequestUri);
            string failure;
            try
            {
                using var response = await http.SendAsync(message, cancellationToken);
                if (response.IsSuccessStatusCode)
                    return await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
                failure = $"{message.Method} {message.RequestUri}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancellationToken)}";
                if (response.StatusCode == HttpStatusCode.NotFound)
                    return null;
                if ((int)response.StatusCode is not (429 or 503 or 504))
                    throw new InvalidDataException(failure);
            }
            catch (Exception exception) when (exception is HttpRequestException or JsonException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                failure = $"{message.Method} {message.RequestUri}: {exception.Message}";
            }

            if (patience.IsCancellationRequested)
                throw new InvalidDataException($"no answer in {Patience.TotalSeconds} s; at last {failure}");
            _endpoint++;
            await Task.Delay(Pause, cancellationToken);
        }
    }
}

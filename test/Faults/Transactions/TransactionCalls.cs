using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;

namespace GrainDb.Faults.Transactions;

/// <summary>What a client was told.</summary>
/// <param name="Outcome">What is certain.</param>
/// <param name="Said">The status, and the code of the problem; or how the connection failed.</param>
/// <param name="Body">The JSON; undefined where there is none.</param>
internal sealed record Answer(OperationOutcome Outcome, string Said, JsonElement Body)
{
    public bool IsDone => Outcome == OperationOutcome.Applied;

    public string Text(string member) => Body.GetProperty(member).GetString()!;
}

/// <summary>Requests of the transactions' clients. What a problem document says about the outcome is taken down as it is.</summary>
internal sealed class TransactionCalls : IDisposable
{
    private readonly SocketsHttpHandler _connections = new();
    private readonly HttpClient _http;

    public TransactionCalls() => _http = new HttpClient(_connections) { Timeout = Timeout.InfiniteTimeSpan };

    public async Task<Answer> SendAsync(HttpMethod method, ClusterNode node, string path, string? body, string? idempotencyKey, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, new Uri($"{node.Url}/v1/{path}"));
        request.Headers.TryAddWithoutValidation("GrainDb-Timeout", ClientPatience.Default.Server.TotalMilliseconds.ToString("0'ms'", CultureInfo.InvariantCulture));
        if (idempotencyKey is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        // .NET's client sends a POST without a body again by itself when the connection ends before the answer, and then says that it could not connect: the first may have been served.
        if (method == HttpMethod.Post)
            body ??= "{}";
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, body.StartsWith('{') ? "application/json" : "text/plain");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ClientPatience.Default.Client);
        try
        {
            using var answer = await _http.SendAsync(request, limit.Token);
            return await ReadAsync(answer, limit.Token);
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.ConnectionError)
        {
            return new Answer(OperationOutcome.NotApplied, KeyClient.NotConnected, default);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return new Answer(OperationOutcome.Unknown, "broken connection", default);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Answer(OperationOutcome.Unknown, "no answer", default);
        }
    }

    public Task<Answer> SendAsync(HttpMethod method, ClusterNode node, string path, CancellationToken cancellationToken) =>
        SendAsync(method, node, path, body: null, idempotencyKey: null, cancellationToken);

    public void Dispose()
    {
        _http.Dispose();
        _connections.Dispose();
    }

    private static async Task<Answer> ReadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
        var type = answer.Content.Headers.ContentType?.MediaType;
        if (answer.StatusCode == HttpStatusCode.NoContent)
            return new Answer(OperationOutcome.Applied, status, default);
        if (type is not ("application/json" or "application/problem+json"))
            return new Answer(answer.IsSuccessStatusCode ? OperationOutcome.Applied : OperationOutcome.Unknown, status, JsonSerializer.SerializeToElement(await answer.Content.ReadAsStringAsync(cancellationToken)));
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
        if (answer.IsSuccessStatusCode)
            return new Answer(OperationOutcome.Applied, status, body);
        var outcome = body.GetProperty("outcome").GetString() switch
        {
            "notApplied" => OperationOutcome.NotApplied,
            "applied" => OperationOutcome.Applied,
            _ => OperationOutcome.Unknown,
        };
        return new Answer(outcome, $"{status} {body.GetProperty("code").GetString()}", body);
    }
}

using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;

namespace GrainDb.Faults.Eventual;

/// <summary>What a node answered; status 0 when it did not.</summary>
/// <param name="Status">The status.</param>
/// <param name="Text">The body.</param>
/// <param name="Context">What had been seen of the key; null when nothing was said.</param>
internal sealed record EventualAnswer(int Status, string Text, string? Context)
{
    public bool IsDone => Status is >= 200 and < 300;

    /// <summary>The values that stand.</summary>
    public IReadOnlyList<string> Values => Status switch
    {
        (int)HttpStatusCode.OK => [Text],
        (int)HttpStatusCode.MultipleChoices => [.. Json.GetProperty("siblings").EnumerateArray().Select(sibling => sibling.GetProperty("value").GetString()!).Order(StringComparer.Ordinal)],
        _ => [],
    };

    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public override string ToString() => $"{Status} {Text}";
}

/// <summary>Requests to eventual keyspaces.</summary>
internal sealed class EventualCalls(CancellationToken cancellationToken) : IDisposable
{
    private readonly HttpClient _http = new() { Timeout = ClientPatience.Default.Client };

    public async Task CreateAsync(ClusterNode node, string keyspace, string conflict)
    {
        var created = await SendAsync(HttpMethod.Put, node, $"keyspaces/{keyspace}", $$"""{"family":"eventual","conflict":"{{conflict}}","partitions":8,"replicationFactor":3}""");
        if (!created.IsDone)
            throw new InvalidOperationException($"the keyspace was not created: {created}");
    }

    public async Task<EventualAnswer> SendAsync(HttpMethod method, ClusterNode node, string path, string? body = null, string? context = null, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(method, new Uri($"{node.Url}/v1/{path}"));
        request.Headers.TryAddWithoutValidation("GrainDb-Timeout", "2s");
        if (context is not null)
            request.Headers.TryAddWithoutValidation("GrainDb-Context", context);
        if (idempotencyKey is not null)
            request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, body.StartsWith('{') ? "application/json" : "text/plain");
        try
        {
            using var answer = await _http.SendAsync(request, cancellationToken);
            var seen = answer.Headers.TryGetValues("GrainDb-Context", out var values) ? values.Single() : null;
            return new((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(cancellationToken), seen);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return new(0, exception.Message, null);
        }
    }

    public void Dispose() => _http.Dispose();
}

using System.Net.Http.Headers;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Polly;
using Polly.Retry;

namespace GrainDb.Grains.Sagas.Http;

/// <summary>
/// A service outside the database. A call is a POST with an <c>Idempotency-Key</c> that is the same over all attempts, nodes and restarts; that it has one effect is the service's to keep, by that
/// key. What the database can keep it keeps, in effect records of its own (<see cref="HttpCallRecords"/>): once a step's undo was begun, or a person settled it, no later call of the step leaves this
/// cluster.
/// </summary>
internal sealed class HttpSagaService(HttpServiceOptions options, IReadOnlySet<string> allowedTargets, HttpMessageInvoker http, HttpCallRecords records, TimeProvider time) : ISagaService
{
    public const string IdempotencyHeader = "Idempotency-Key";

    /// <summary>Tries of one attempt, where the service said, or the network, that nothing was done.</summary>
    private const int MaxTries = 3;

    private static readonly MediaTypeHeaderValue JsonType = new("application/json");

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);

    private readonly ResiliencePipeline<SagaCallResult> _retries = new ResiliencePipelineBuilder<SagaCallResult> { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions<SagaCallResult>
        {
            ShouldHandle = new PredicateBuilder<SagaCallResult>().HandleResult(result => result.Status == SagaCallStatus.Transient),
            MaxRetryAttempts = MaxTries - 1,
            Delay = FirstPause,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    public string Name => options.Name;

    public IReadOnlyDictionary<string, string?> Actions => options.Actions;

    public async Task<SagaCallResult> CallAsync(SagaCall call, CancellationToken cancellationToken)
    {
        if (!allowedTargets.Contains(SagaHttpOptions.TargetOf(options.Url)))
            return new SagaCallResult(SagaCallStatus.Bug, default, $"{SagaHttpOptions.TargetOf(options.Url)} is not among the allowed targets");
        using var timeout = new CancellationTokenSource(call.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            // Before each try: meanwhile another activation may have begun the undo, or a person settled the step.
            return await _retries.ExecuteAsync(async token => await records.BeginAsync(call, token) ?? await PostAsync(call, token), linked.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new SagaCallResult(SagaCallStatus.Unknown, default, $"no answer in {call.Timeout}");
        }
    }

    public Task<string?> SettleAsync(SagaCall call, bool isDone, JsonElement output, CancellationToken cancellationToken) =>
        records.SettleAsync(call, isDone, output, cancellationToken);

    public Task<Failure?> ForgetAsync(IReadOnlyList<(string Saga, string Step)> steps, Timestamp cutoff, CancellationToken cancellationToken) => records.ForgetAsync(steps, cutoff, cancellationToken);

    private async ValueTask<SagaCallResult> PostAsync(SagaCall call, CancellationToken cancellationToken)
    {
        // Whole, so that its length is known: not every service reads a body in chunks.
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(new HttpCallBody(call.Saga, call.Step, call.Action, call.Input), SagaJson.Options));
        content.Headers.ContentType = JsonType;
        using var request = new HttpRequestMessage(HttpMethod.Post, options.Url) { Content = content };
        request.Headers.Add(IdempotencyHeader, $"{call.Saga}/{call.Step}/{(call.IsUndo ? "undo" : "do")}");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var response = await http.SendAsync(request, cancellationToken);
            var (body, isTooLong) = await ReadAsync(response.Content, cancellationToken);
            return HttpAnswer.Read(response.StatusCode, body, isTooLong);
        }
        catch (HttpRequestException exception)
        {
            // Without a connection nothing was sent.
            return exception.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError
                ? new SagaCallResult(SagaCallStatus.Transient, default, $"{SagaHttpOptions.TargetOf(options.Url)} cannot be reached: {exception.Message}")
                : new SagaCallResult(SagaCallStatus.Unknown, default, $"the connection to {SagaHttpOptions.TargetOf(options.Url)} failed: {exception.Message}");
        }
        catch (IOException exception)
        {
            return new SagaCallResult(SagaCallStatus.Unknown, default, $"the answer of {SagaHttpOptions.TargetOf(options.Url)} broke off: {exception.Message}");
        }
    }

    /// <summary>A service that answers without end must not fill the node's memory.</summary>
    private static async Task<(byte[] Body, bool IsTooLong)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var buffer = new byte[SagaLimits.MaxDocumentBytes + 1];
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return length > SagaLimits.MaxDocumentBytes ? ([], true) : (buffer[..length], false);
    }

    private sealed record HttpCallBody(string Saga, string Step, string Action, JsonElement Input);
}

using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Recording;

/// <summary>
/// One client: does single operations over HTTP and records each with its times and outcome. What a problem document says about the
/// outcome is taken down as it is, to be held against the truth later.
/// </summary>
internal sealed class KeyClient(HttpClient http, History history, int number, ClientPatience patience, int valueBytes)
{
    /// <summary>Answer of an operation that never left the client.</summary>
    public const string NotConnected = "not connected";

    private int _writes;

    public Task<Operation> ReadAsync(ClusterNode node, string key, CancellationToken cancellationToken) =>
        DoAsync(node, key, OperationKind.Read, null, cancellationToken);

    public Task<Operation> PutAsync(ClusterNode node, string key, CancellationToken cancellationToken) =>
        DoAsync(node, key, OperationKind.Put, null, cancellationToken);

    public Task<Operation> CreateAsync(ClusterNode node, string key, CancellationToken cancellationToken) =>
        DoAsync(node, key, OperationKind.Create, null, cancellationToken);

    public Task<Operation> CompareAndSetAsync(ClusterNode node, string key, string version, CancellationToken cancellationToken) =>
        DoAsync(node, key, OperationKind.CompareAndSet, version, cancellationToken);

    private async Task<Operation> DoAsync(ClusterNode node, string key, OperationKind kind, string? condition, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(kind == OperationKind.Read ? HttpMethod.Get : HttpMethod.Put, $"{node.Url}/v1/kv/{FaultCluster.Keyspace}/{key}");
        request.Headers.TryAddWithoutValidation("GrainDb-Timeout", patience.Server.TotalMilliseconds.ToString("0'ms'", CultureInfo.InvariantCulture));
        string? written = null;
        if (kind != OperationKind.Read)
        {
            (written, var text) = WrittenValue.Make(number, _writes++, valueBytes);
            request.Content = new StringContent(text);
        }

        if (kind == OperationKind.Create)
            request.Headers.TryAddWithoutValidation("If-None-Match", "*");
        if (kind == OperationKind.CompareAndSet)
            request.Headers.TryAddWithoutValidation("If-Match", $"\"{condition}\"");

        var invoked = history.Now;
        var result = await SendAsync(request, kind, cancellationToken);
        var operation = new Operation
        {
            Client = number,
            Key = key,
            Kind = kind,
            Condition = condition,
            Written = written,
            Invoked = invoked,
            Returned = history.Now,
            Node = node.Name,
            Outcome = result.Outcome,
            Answer = result.Answer,
            Version = result.Version,
            Found = result.Found,
        };
        history.Add(operation);
        return operation;
    }

    private async Task<Result> SendAsync(HttpRequestMessage request, OperationKind kind, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience.Client);
        try
        {
            using var answer = await http.SendAsync(request, limit.Token);
            return await ReadAnswerAsync(answer, kind, limit.Token);
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.ConnectionError)
        {
            return new Result(OperationOutcome.NotApplied, NotConnected); // a connection that never was has carried nothing
        }
        catch (HttpRequestException exception)
        {
            return new Result(OperationOutcome.Unknown, $"broken connection ({exception.HttpRequestError})");
        }
        catch (IOException)
        {
            return new Result(OperationOutcome.Unknown, "broken connection (body)");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new Result(OperationOutcome.Unknown, "no answer");
        }
    }

    private static async Task<Result> ReadAnswerAsync(HttpResponseMessage answer, OperationKind kind, CancellationToken cancellationToken)
    {
        var status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
        if (answer.IsSuccessStatusCode)
        {
            var found = kind == OperationKind.Read ? WrittenValue.NameOf(await answer.Content.ReadAsStringAsync(cancellationToken)) : null;
            return new Result(OperationOutcome.Applied, status, answer.Headers.ETag!.Tag.Trim('"'), found);
        }

        Problem? problem = null;
        if (answer.Content.Headers.ContentType?.MediaType == "application/problem+json")
            problem = await answer.Content.ReadFromJsonAsync<Problem>(JsonSerializerOptions.Web, cancellationToken);
        if (problem is null)
            return new Result(OperationOutcome.Unknown, $"{status} without a problem document");
        if (answer.StatusCode == HttpStatusCode.NotFound && kind == OperationKind.Read && problem.Code == "key_not_found")
            return new Result(OperationOutcome.Applied, status);
        if (answer.StatusCode == HttpStatusCode.PreconditionFailed)
            return new Result(OperationOutcome.ConditionFailed, status, problem.CurrentVersion);
        return new Result(
            problem.Outcome switch
            {
                "applied" => OperationOutcome.Applied,
                "notApplied" => OperationOutcome.NotApplied,
                _ => OperationOutcome.Unknown,
            },
            $"{status} {problem.Code}");
    }

    private readonly record struct Result(OperationOutcome Outcome, string Answer, string? Version = null, string? Found = null);

    private sealed record Problem(string? Code, string? Outcome, string? CurrentVersion);
}

/// <summary>How long a request may take.</summary>
/// <param name="Server">What the server is told; it answers by then.</param>
/// <param name="Client">After this the client gives up by itself: nobody answers for a process that stands still.</param>
internal sealed record ClientPatience(TimeSpan Server, TimeSpan Client)
{
    public static ClientPatience Default { get; } = new(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4));
}

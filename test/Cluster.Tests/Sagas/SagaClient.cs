using System.Text;
using System.Text.Json;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Sagas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Sagas;

/// <summary>Asks for sagas as the API does.</summary>
internal sealed class SagaClient(GrainDbCluster cluster)
{
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(30);

    /// <summary>A definition: two compensatable steps, a pivot, a retriable one.</summary>
    public const string Definition = """
        {"steps":[
          {"name":"first","service":"recorded","action":"do","compensation":"undo","retry":{"firstPause":"10ms","longestPause":"50ms","backwardAttempts":3}},
          {"name":"second","service":"recorded","action":"do","compensation":"undo","retry":{"firstPause":"10ms","longestPause":"50ms","forwardAttempts":3},"input":{"of":"$.steps.first.did","n":"$.input.n"}},
          {"name":"pivot","service":"recorded","action":"do","compensation":"undo","kind":"pivot"},
          {"name":"last","service":"recorded","action":"do","kind":"retriable","retry":{"firstPause":"10ms","longestPause":"50ms"}}
        ]}
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async Task DefineAsync(string name, string definition, int version = 1)
    {
        var answer = await cluster.Sagas(0).PutDefinitionAsync(name, version, Encoding.UTF8.GetBytes(definition), null, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(answer.Failure);
    }

    public Task<SagaAnswer> StartAsync(int node, string id, string definition, string input = """{"n":1}""", int? version = null) =>
        cluster.Sagas(node).StartAsync(new SagaStart(id, definition, version, Encoding.UTF8.GetBytes(input)), GrainDbCluster.Timeout, Cancellation);

    public Task<SagaAnswer> ActAsync(int node, string id, SagaCommandKind kind, string? target = null, string payload = "", IdempotencyStamp? stamp = null) =>
        cluster.Sagas(node).ActAsync(id, new SagaCommand(kind, target, "tester", "because", Encoding.UTF8.GetBytes(payload)), stamp, GrainDbCluster.Timeout, Cancellation);

    public async Task<SagaView> FindAsync(int node, string id)
    {
        var answer = await cluster.Sagas(node).FindAsync(id, TimeSpan.Zero, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(answer.Failure);
        return answer.Saga!;
    }

    /// <summary>The saga when it has ended.</summary>
    public async Task<SagaView> EndAsync(int node, string id)
    {
        var answer = await cluster.Sagas(node).FindAsync(id, Wait, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(answer.Failure);
        Assert.True(answer.Saga!.Summary.HasEnded, $"{answer.Saga.Summary}");
        return answer.Saga;
    }

    /// <summary>The saga as soon as it has a status.</summary>
    public async Task<SagaView> UntilAsync(int node, string id, string status)
    {
        SagaView? saga = null;
        await cluster.UntilAsync(async () => (saga = await FindAsync(node, id)).Summary.Status == status);
        return saga!;
    }

    /// <summary>The events of its log, in order; of steps with their names.</summary>
    public async Task<IReadOnlyList<string>> HistoryAsync(int node, string id)
    {
        var history = await cluster.Sagas(node).HistoryAsync(id, 0, SagaQuery.MaxLimit, TimeSpan.Zero, GrainDbCluster.Timeout, Cancellation);
        Assert.Null(history.Failure);
        Assert.Equal(Enumerable.Range(0, history.Rows.Count), history.Rows.Select(row => row.Sequence));
        return [.. history.Rows.Select(row => JsonSerializer.Deserialize<JsonElement>(row.Row.Span).TryGetProperty("step", out var step) ? $"{row.Event} {step}" : row.Event)];
    }
}

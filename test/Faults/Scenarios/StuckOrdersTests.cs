using System.Net.Http.Json;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Sagas;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>
/// Orders that are paid at a bank outside of the database, cannot be shipped, and cannot be paid back: over HTTP, on three processes. What an operator sees and does with curl.
/// </summary>
public sealed class StuckOrdersTests : IAsyncLifetime
{
    private const string Order = "order-1";
    private const string Sku = "sand";
    private const int Stock = 20_000;
    private const int TooMany = 10_001;

    private const string Definition = """
        {"steps":[
          {"name":"reserve","service":"inventory","action":"reserve","compensation":"release","input":{"lines":"$.input.lines"}},
          {"name":"charge","service":"bank","action":"charge","compensation":"refund","retry":{"firstPause":"10ms","longestPause":"50ms","backwardAttempts":3},
           "input":{"account":"ada","amount":"$.steps.reserve.amount"}},
          {"name":"ship","service":"shipping","action":"create","compensation":"cancel","kind":"pivot","input":{"order":"$.id","customer":"Ada","lines":"$.input.lines"}}
        ]}
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Bank _bank = new() { Counter = Bank.RefundCounter.Closed };
    private FaultCluster _cluster = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await FaultCluster.StartAsync(3, new LoopbackNetwork(), node => node.Environment = _bank.Settings, Cancellation);
        await SendAsync(HttpMethod.Put, 0, $"/v1/inventory/{Sku}", $$$"""{"available":{{{Stock}}},"price":"1.00"}""");
        await SendAsync(HttpMethod.Put, 0, "/v1/saga-definitions/order_at_a_bank/1", Definition);
        await SendAsync(HttpMethod.Post, 0, "/v1/sagas", $$$"""{"id":"{{{Order}}}","definition":"order_at_a_bank","input":{"lines":[{"sku":"{{{Sku}}}","quantity":{{{TooMany}}}}]}}""");
        await UntilAsync(async () => Text(await GetAsync(1, $"/v1/sagas/{Order}"), "status") == "stuckBackward");
        Assert.Equal((Stock - TooMany, TooMany * 100L), (await AvailableAsync(), _bank.Charged));
    }

    public async ValueTask DisposeAsync()
    {
        await _bank.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task It_is_listed_with_its_reason_also_after_a_kill_and_ends_when_an_operator_retries_it()
    {
        await _cluster.Nodes[0].KillAsync(Cancellation);
        _cluster.Nodes[0].Start();
        await _cluster.ReadyAsync(Cancellation);
        for (var node = 0; node < 3; node++)
        {
            var listed = Assert.Single((await GetAsync(node, "/v1/sagas?status=stuck&definition=order_at_a_bank&step=charge")).GetProperty("items").EnumerateArray().ToList());
            Assert.Equal((Order, "stuckBackward", "charge"), (Text(listed, "id"), Text(listed, "status"), Text(listed, "step")));
            Assert.Contains("the bank is closed", Text(listed, "reason"), StringComparison.Ordinal);
        }

        _bank.Counter = Bank.RefundCounter.Open;
        await SendAsync(HttpMethod.Post, 2, $"/v1/sagas/{Order}/steps/charge/retry", """{"reason":"the bank has opened","actor":"grace"}""");

        Assert.Equal("compensated", Text(await GetAsync(1, $"/v1/sagas/{Order}?wait=30s"), "status"));
        Assert.Equal((Stock, 0L), (await AvailableAsync(), _bank.Charged));
        Assert.Contains(await HistoryAsync(), row => Text(row, "event") == "operator" && Text(row, "actor") == "grace" && Text(row, "reason") == "the bank has opened");
    }

    [Fact]
    public async Task It_ends_when_an_operator_marks_the_refund_undone_and_a_late_call_of_it_has_no_effect()
    {
        _bank.Counter = Bank.RefundCounter.Held;
        await SendAsync(HttpMethod.Post, 0, $"/v1/sagas/{Order}/steps/charge/retry", """{"reason":"perhaps now"}""");
        await _bank.RefundArrived.WaitAsync(Patience, Cancellation);

        await SendAsync(HttpMethod.Post, 1, $"/v1/sagas/{Order}/steps/charge/mark-undone", """{"reason":"paid back in cash"}""");

        Assert.Equal("compensated", Text(await GetAsync(2, $"/v1/sagas/{Order}?wait=30s"), "status"));
        var (calls, rows) = (_bank.RefundCalls, (await HistoryAsync()).Count);
        _bank.Release(); // turned away, for certain: an attempt that is tried again, were it not for the operator's word
        await UntilAsync(RefundAttemptIsOverAsync);
        _bank.Counter = Bank.RefundCounter.Open;
        Assert.Equal((calls, rows), (_bank.RefundCalls, (await HistoryAsync()).Count));
        Assert.Equal((Stock, TooMany * 100L), (await AvailableAsync(), _bank.Charged));
    }

    /// <summary>The attempt that was under way was answered out of the operator's word: so its node measured it.</summary>
    private async Task<bool> RefundAttemptIsOverAsync()
    {
        foreach (var node in _cluster.Nodes)
        {
            var metrics = await _cluster.Http.GetStringAsync(new Uri($"{node.Url}/metrics"), Cancellation);
            if (metrics.Split('\n').Any(line => line.StartsWith("graindb_saga_step_duration_seconds_count", StringComparison.Ordinal)
                && line.Contains("action=\"refund\"", StringComparison.Ordinal) && line.Contains("result=\"completed\"", StringComparison.Ordinal)))
                return true;
        }

        return false;
    }

    private async Task<long> AvailableAsync() => (await GetAsync(2, $"/v1/inventory/{Sku}")).GetProperty("available").GetInt64();

    private async Task<IReadOnlyList<JsonElement>> HistoryAsync() => [.. (await GetAsync(1, $"/v1/sagas/{Order}/history")).GetProperty("events").EnumerateArray()];

    private static string? Text(JsonElement element, string member) => element.TryGetProperty(member, out var text) ? text.GetString() : null;

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(Patience);
        while (!await isSo())
            await Task.Delay(50, patience.Token); // between two questions to other processes
    }

    private async Task<JsonElement> GetAsync(int node, string path)
    {
        using var http = new HttpClient { Timeout = Patience };
        return await http.GetFromJsonAsync<JsonElement>(new Uri(_cluster.Nodes[node].Url + path), Cancellation);
    }

    private async Task SendAsync(HttpMethod method, int node, string path, string body)
    {
        using var http = new HttpClient { Timeout = Patience };
        using var request = new HttpRequestMessage(method, _cluster.Nodes[node].Url + path) { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
        using var answer = await http.SendAsync(request, Cancellation);
        Assert.True(answer.IsSuccessStatusCode, $"{method} {path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancellation)}");
    }
}

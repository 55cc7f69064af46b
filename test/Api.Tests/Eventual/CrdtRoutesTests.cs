using System.Net;
using System.Text;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Api.Tests.Eventual;

public sealed class CrdtRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("counters", """{"increment":5}""", """{"increment":-7}""", "counter", "-2")]
    [InlineData("sets", """{"add":["a","b",{"value64":"_w"}]}""", """{"remove":["a"]}""", "orset", """["b",{"value64":"_w"}]""")]
    [InlineData("maps", """{"set":{"name":"Ada","age":36,"tags":[1, null]}}""", """{"set":{"age":37}}""", "lwwmap", """{"age":37,"name":"Ada","tags":[1, null]}""")]
    [InlineData("maps", """{"set":{"a":1,"b":2}}""", """{"remove":["a"]}""", "lwwmap", """{"b":2}""")]
    [InlineData("registers", """{"set":"on"}""", """{"set":{"level":3}}""", "register", """{"level":3}""")]
    [InlineData("registers", """{"set":"on"}""", """{"set":null}""", "register", "null")]
    public async Task Operations_add_up(string keyspace, string first, string second, string type, string value)
    {
        Assert.Equal(HttpStatusCode.OK, (await OperateAsync(keyspace, first)).StatusCode);
        var operated = await OperateAsync(keyspace, second);
        Assert.Equal(HttpStatusCode.OK, operated.StatusCode);
        Assert.Matches("^[0-9a-f]{16}$", Assert.Single(operated.Headers.GetValues("GrainDb-Commit-Timestamp")));

        var answer = await _server.GetJsonAsync($"/v1/crdt/{keyspace}/a%2Fb");

        Assert.Equal((type, value), (answer.GetProperty("type").GetString(), answer.GetProperty("value").GetRawText()));
        Assert.Equal((await ApiServer.ReadJsonAsync(operated)).GetRawText(), answer.GetRawText());
        Assert.NotEmpty(answer.GetProperty("context").GetString()!);
    }

    [Fact]
    public async Task A_key_that_is_not_there_is_404_also_after_a_deletion()
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/crdt/counters/k"), ErrorCode.KeyNotFound);
        await OperateAsync("counters", """{"increment":5}""");
        Assert.Equal(HttpStatusCode.NoContent, (await _server.SendAsync(HttpMethod.Delete, "/v1/kv/counters/a/b")).StatusCode);
        var deleted = await _server.SendAsync(HttpMethod.Get, "/v1/crdt/counters/a/b");
        await Problems.AssertIsAsync(deleted, ErrorCode.KeyNotFound);
        Assert.True(deleted.Headers.Contains("GrainDb-Context"));
    }

    [Theory]
    [InlineData("counters", """{"add":["a"]}""", """{"increment": n}""")]
    [InlineData("sets", """{"increment":1}""", """{"add": […]}""")]
    [InlineData("sets", """{"set":{"a":1}}""", """{"add": […]}""")]
    [InlineData("maps", """{"add":["a"]}""", """{"set": {field: value}}""")]
    [InlineData("registers", """{"remove":["a"]}""", """{"set": value}""")]
    [InlineData("cache", """{"increment":1}""", "policy siblings")]
    [InlineData("default", """{"increment":1}""", "is strong")]
    public async Task What_the_type_does_not_take_is_refused_with_what_it_takes(string keyspace, string body, string why) => await RefusedAsync(keyspace, body, ErrorCode.UnsupportedForFamily, why);

    [Theory]
    [InlineData("counters", "{}", "exactly one of increment, add, remove and set")]
    [InlineData("counters", """{"increment":1,"add":["a"]}""", "exactly one")]
    [InlineData("counters", """{"increment":1.5}""", "64 bits")]
    [InlineData("counters", """{"increment":9223372036854775808}""", "64 bits")]
    [InlineData("counters", """{"increment":"1"}""", "$.increment")]
    [InlineData("counters", """{"decrement":1}""", "'decrement' is not known")]
    [InlineData("sets", """{"add":[]}""", "names nothing")]
    [InlineData("sets", """{"add":["a",null]}""", "$.add[1]")]
    [InlineData("sets", """{"add":[1]}""", "$.add[0]")]
    [InlineData("sets", """{"add":[{"value64":"*"}]}""", "base64url")]
    [InlineData("maps", """{"set":[1]}""", "an object of fields is expected")]
    [InlineData("maps", """{"set":{}}""", "names nothing")]
    [InlineData("maps", """{"set":{"a":1,"a":2}}""", "twice")]
    public async Task Bodies_that_are_wrong_are_refused_with_where(string keyspace, string body, string why) => await RefusedAsync(keyspace, body, ErrorCode.InvalidRequest, why);

    [Fact]
    public async Task Fields_go_to_the_store_as_they_were_written()
    {
        await OperateAsync("maps", """{"set":{"näme": {"x" : 1}}}""");
        var field = Assert.Single(_server.Eventual.LastWrite!.Operation!.Fields);
        Assert.Equal(("näme", """{"x" : 1}"""), (Encoding.UTF8.GetString(field.Name.Span), Encoding.UTF8.GetString(field.Value.Span)));
        Assert.Equal(EventualWriteKind.Operate, _server.Eventual.LastWrite.Kind);
    }

    [Fact]
    public async Task A_repeated_operation_counts_once()
    {
        var first = await OperateAsync("counters", """{"increment":5}""", "once");
        var second = await OperateAsync("counters", """{"increment":5}""", "once");
        Assert.False(first.Headers.Contains("GrainDb-Idempotent-Replay"));
        Assert.True(second.Headers.Contains("GrainDb-Idempotent-Replay"));
        Assert.Equal(5, (await _server.GetJsonAsync("/v1/crdt/counters/a/b")).GetProperty("value").GetInt32());
        await Problems.AssertIsAsync(await OperateAsync("counters", """{"increment":6}""", "once"), ErrorCode.IdempotencyMismatch);
    }

    private async Task RefusedAsync(string keyspace, string body, ErrorCode code, string why)
    {
        var problem = await Problems.AssertIsAsync(await OperateAsync(keyspace, body), code);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Eventual.Calls);
    }

    private Task<HttpResponseMessage> OperateAsync(string keyspace, string body, string? idempotencyKey = null) =>
        _server.SendAsync(HttpMethod.Post, $"/v1/crdt/{keyspace}/a/b", request =>
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            if (idempotencyKey is not null)
                request.Headers.Add("Idempotency-Key", idempotencyKey);
        });
}

using System.Net;
using System.Text.Json;
using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Ranges;

public sealed class RangeRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("", "0 17 18 19")]
    [InlineData("?keyspace=default", "17 18")]
    [InlineData("?unhealthy=true", "17")]
    [InlineData("?keyspace=system.meta&unhealthy=true", "")]
    public async Task Ranges_are_listed_by_id(string query, string ids) =>
        Assert.Equal(ids, string.Join(' ', (await _server.GetJsonAsync($"/v1/ranges{query}")).GetProperty("ranges").EnumerateArray().Select(range => range.GetProperty("id").GetInt64())));

    [Fact]
    public async Task One_range_in_memory()
    {
        var range = await _server.GetJsonAsync("/v1/ranges/0");
        Assert.Equal("system.meta", range.GetProperty("keyspace").GetString());
        Assert.Equal("", range.GetProperty("start").GetString());
        Assert.Equal(JsonValueKind.Null, range.GetProperty("end").ValueKind);
        Assert.Equal("node1", range.GetProperty("leader").GetString());
        Assert.Equal(5, range.GetProperty("epoch").GetInt64());
        Assert.Equal(10, range.GetProperty("keys").GetInt64());
        Assert.Equal(1000, range.GetProperty("bytes").GetInt64());
        Assert.Equal(1.5, range.GetProperty("rate").GetDouble());
        Assert.Equal("00000000000000ff", range.GetProperty("gcThreshold").GetString());
        Assert.Equal("""{"node":"node1","id":null,"role":"leader","state":"member","lsn":42,"applied":0,"lag":0,"detail":null}""", range.GetProperty("replicas")[0].GetRawText());
    }

    [Fact]
    public async Task A_range_out_of_memory_does_not_know_its_size()
    {
        var range = await _server.GetJsonAsync("/v1/ranges/18");
        Assert.Equal(JsonValueKind.Null, range.GetProperty("keys").ValueKind);
        Assert.Equal(JsonValueKind.Null, range.GetProperty("leader").ValueKind);
        Assert.Equal("m", range.GetProperty("start").GetString());
        Assert.Equal("_w", range.GetProperty("end64").GetString());
    }

    [Fact]
    public async Task Unknown_ranges()
    {
        foreach (var id in new[] { "99", "-1", "abc", "99999999999999999999" })
            await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/ranges/{id}"), ErrorCode.RangeNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/ranges?unhealthy=yes"), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_replicated_range_shows_its_configuration_and_its_replicas()
    {
        var range = await _server.GetJsonAsync("/v1/ranges/19");
        Assert.Equal("node2", range.GetProperty("leader").GetString());
        Assert.Equal(9, range.GetProperty("epoch").GetInt64());
        var configuration = range.GetProperty("configuration");
        Assert.True(configuration.GetProperty("joint").GetBoolean());
        Assert.Equal("node1 node2 node4", Nodes(configuration.GetProperty("voters")));
        Assert.Equal("node1 node2 node3", Nodes(configuration.GetProperty("outgoing")));
        Assert.Equal("""{"node":"node4","id":"00000000-0000-0000-0000-000000000004"}""", configuration.GetProperty("voters")[2].GetRawText());
        Assert.Equal(
            """{"node":"node1","id":"00000000-0000-0000-0000-000000000001","role":"follower","state":"member","lsn":40,"applied":39,"lag":2,"detail":null}""",
            range.GetProperty("replicas")[0].GetRawText());
        Assert.Equal(JsonValueKind.Null, (await _server.GetJsonAsync("/v1/ranges/18")).GetProperty("configuration").ValueKind);

        static string Nodes(JsonElement voters) => string.Join(' ', voters.EnumerateArray().Select(voter => voter.GetProperty("node").GetString()));
    }

    [Fact]
    public async Task A_leader_is_transferred()
    {
        var response = await TransferAsync("19", """{"node":"node1"}""");
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("/v1/ranges/19", response.Headers.Location!.OriginalString);
        Assert.Equal("""{"kind":"transferLeader","state":"running","range":19,"node":"node1"}""", (await ApiServer.ReadJsonAsync(response)).GetRawText());
        Assert.Equal((19, "node1"), (_server.Cluster.LastTransfer!.Value.Range.Value, _server.Cluster.LastTransfer.Value.Node));
    }

    [Fact]
    public async Task A_transfer_that_cannot_be_is_refused()
    {
        await Problems.AssertIsAsync(await TransferAsync("99", """{"node":"node1"}"""), ErrorCode.RangeNotFound);
        await Problems.AssertIsAsync(await TransferAsync("x", """{"node":"node1"}"""), ErrorCode.RangeNotFound);
        await Problems.AssertIsAsync(await TransferAsync("19", """{"node":"node4"}"""), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await TransferAsync("19", """{"node":"node3"}"""), ErrorCode.Unavailable);
        foreach (var body in new[] { "", "{}", "[]", """{"node":null}""", """{"node":""}""", """{"node":"a b"}""", """{"node":1}""", """{"node":"node1","to":1}""", """{"node":"node1","node":"node2"}""" })
            await Problems.AssertIsAsync(await TransferAsync("19", body), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/19/transfer-leader", request => request.Content = new StringContent("node1")), ErrorCode.UnsupportedMediaType);
        Assert.Null(_server.Cluster.LastTransfer);
    }

    [Fact]
    public async Task Checkpoints()
    {
        Assert.Equal(HttpStatusCode.Accepted, (await _server.SendAsync(HttpMethod.Post, "/v1/ranges/0/checkpoint")).StatusCode);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/99/checkpoint"), ErrorCode.RangeNotFound);
        var broken = await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/17/checkpoint"), ErrorCode.Corruption);
        Assert.Equal("unknown", broken.GetProperty("outcome").GetString());
    }

    private Task<HttpResponseMessage> TransferAsync(string range, string body) => _server.SendJsonAsync(HttpMethod.Post, $"/v1/ranges/{range}/transfer-leader", body);
}

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
    [InlineData("", "0 17 18")]
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
        Assert.Equal("""{"node":"node1","role":"leader","state":"member","lsn":42,"lag":0,"detail":null}""", range.GetProperty("replicas")[0].GetRawText());
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
    public async Task Checkpoints()
    {
        Assert.Equal(HttpStatusCode.Accepted, (await _server.SendAsync(HttpMethod.Post, "/v1/ranges/0/checkpoint")).StatusCode);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/99/checkpoint"), ErrorCode.RangeNotFound);
        var broken = await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/17/checkpoint"), ErrorCode.Corruption);
        Assert.Equal("unknown", broken.GetProperty("outcome").GetString());
    }
}

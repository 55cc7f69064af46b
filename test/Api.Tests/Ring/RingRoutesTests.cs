using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Ring;

public sealed class RingRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_ring()
    {
        var region = (await _server.GetJsonAsync("/v1/ring")).GetProperty("regions")[0];
        Assert.Equal("local", region.GetProperty("name").GetString());
        Assert.Equal(3, region.GetProperty("version").GetInt64());
        Assert.Equal(150, region.GetProperty("virtualNodesPerUnit").GetInt32());
        var node = region.GetProperty("nodes")[1];
        Assert.Equal("""{"name":"node2","weight":1.5,"virtualNodes":225,"share":0.6,"state":"joining"}""", node.GetRawText());
    }

    [Fact]
    public async Task Where_a_key_lives()
    {
        var location = await _server.GetJsonAsync("/v1/ring/locate?keyspace=default&key=a%2Fb+c&replicas=2");
        Assert.Equal("a/b c"u8.ToArray(), _server.Cluster.LastLocated);
        Assert.Equal("00000000000000ff", location.GetProperty("token").GetString());
        Assert.Equal(17, location.GetProperty("range").GetInt64());
        Assert.Equal("node1", location.GetProperty("leader").GetString());
        Assert.Equal("""["node1","node2"]""", location.GetProperty("ringNodes").GetRawText());
        await _server.GetJsonAsync("/v1/ring/locate?keyspace=default&key64=AP8");
        Assert.Equal([0x00, 0xFF], _server.Cluster.LastLocated!);
    }

    [Theory]
    [InlineData("?keyspace=default", ErrorCode.InvalidRequest)]
    [InlineData("?key=a", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=default&key=", ErrorCode.InvalidKey)]
    [InlineData("?keyspace=default&key=%FF", ErrorCode.InvalidKey)]
    [InlineData("?keyspace=default&key=a&key64=YQ", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=default&key=a&replicas=0", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=default&key=a&replicas=8", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=No&key=a", ErrorCode.KeyspaceNotFound)]
    public async Task Wrong_locations(string query, ErrorCode code)
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/ring/locate{query}"), code);
        Assert.Null(_server.Cluster.LastLocated);
    }

    [Fact]
    public async Task How_a_sample_spreads()
    {
        var node = (await _server.GetJsonAsync("/v1/ring/distribution?keys=10")).GetProperty("nodes")[0];
        Assert.Equal((10, 3), _server.Cluster.LastDistribution);
        Assert.Equal("""{"node":"node1","primaries":4,"replicas":10,"expected":4.5,"deviation":-0.11}""", node.GetRawText());
        await _server.GetJsonAsync("/v1/ring/distribution");
        Assert.Equal((10_000, 3), _server.Cluster.LastDistribution);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/ring/distribution?keys=1000001"), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task What_if()
    {
        var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/ring/plan",
            """{"add":[{"name":"node4","region":"eu","weight":2}],"remove":["node2"],"weights":{"node1":0.5}}""");
        var plan = await ApiServer.ReadJsonAsync(response);
        Assert.Equal("p1", plan.GetProperty("id").GetString());
        Assert.Equal(3, plan.GetProperty("basedOn").GetInt64());
        Assert.Equal("""{"range":17,"from":"node1","to":"node4","keys":10,"bytes":1000}""", plan.GetProperty("moves")[0].GetRawText());
        Assert.Equal(0.25, plan.GetProperty("fractions").GetProperty("primaries").GetDouble());
        Assert.Equal(1, plan.GetProperty("before").GetProperty("regions").GetArrayLength());
        Assert.Equal(1, plan.GetProperty("after").GetProperty("regions").GetArrayLength());
        var request = _server.Cluster.LastPlan!;
        Assert.Equal(("node4", "eu", 2.0), (request.Add[0].Name, request.Add[0].Region, request.Add[0].Weight));
        Assert.Equal(["node2"], request.Remove);
        Assert.Equal(0.5, request.Weights["node1"]);
    }

    [Theory]
    [InlineData("{}", "changes nothing")]
    [InlineData("""{"add":[{"weight":1}]}""", "add[0].name")]
    [InlineData("""{"add":[{"name":"a b"}]}""", "add[0].name is 'a b'")]
    [InlineData("""{"add":[{"name":"a","weight":0}]}""", "add[0].weight is 0")]
    [InlineData("""{"add":[{"name":"a","weight":-1}]}""", "add[0].weight is -1")]
    [InlineData("""{"add":[{"name":"a","weight":1001}]}""", "at most 1000")]
    [InlineData("""{"add":[{"name":"a","weight":"heavy"}]}""", "a number is expected")]
    [InlineData("""{"add":[{"name":"a","region":""}]}""", "add[0].region")]
    [InlineData("""{"add":[null]}""", "add[0] is null")]
    [InlineData("""{"remove":[null]}""", "remove[0] is 'null'")]
    [InlineData("""{"remove":["a"],"weights":{"a":1}}""", "names the node 'a' twice")]
    [InlineData("""{"weights":{"a":0}}""", "weights['a'] is 0")]
    [InlineData("""{"weights":[1]}""", "an object is expected")]
    [InlineData("""{"drop":["a"]}""", "'drop' is not known")]
    public async Task Wrong_plans(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/ring/plan", body), ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Null(_server.Cluster.LastPlan);
    }

    [Fact]
    public async Task A_plan_cannot_be_committed_yet() =>
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ring/plan/p1/commit"), ErrorCode.RouteNotFound);

    [Fact]
    public async Task Nodes()
    {
        var node = await _server.GetJsonAsync("/v1/nodes/node1");
        Assert.Equal("active", node.GetProperty("state").GetString());
        Assert.True(node.GetProperty("live").GetBoolean());
        Assert.Equal(node.GetRawText(), (await _server.GetJsonAsync("/v1/nodes")).GetProperty("nodes")[0].GetRawText());
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/nodes/node9"), ErrorCode.NodeNotFound);
    }
}

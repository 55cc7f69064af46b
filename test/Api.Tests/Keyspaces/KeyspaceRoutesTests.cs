using System.Net;
using System.Text.Json;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Keyspaces;

public sealed class KeyspaceRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Creating_is_201_then_200_then_409()
    {
        const string Body = """{"family":"strong","partitioning":"hash","partitions":8,"replicationFactor":1,"retention":"2h","defaultIsolation":"serializable"}""";
        var created = await PutAsync("orders", Body);
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Equal("/v1/keyspaces/orders", created.Headers.Location!.ToString());
        var view = await ApiServer.ReadJsonAsync(created);
        Assert.Equal("orders", view.GetProperty("name").GetString());
        Assert.Equal("strong", view.GetProperty("family").GetString());
        Assert.Equal("hash", view.GetProperty("partitioning").GetString());
        Assert.Equal(8, view.GetProperty("partitions").GetInt32());
        Assert.Equal(1, view.GetProperty("replicationFactor").GetInt32());
        Assert.Equal("2h", view.GetProperty("retention").GetString());
        Assert.Equal("serializable", view.GetProperty("defaultIsolation").GetString());
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("orders", Body)).StatusCode);
        await Problems.AssertIsAsync(await PutAsync("orders", """{"partitioning":"hash","partitions":9}"""), ErrorCode.KeyspaceExists);
        await Problems.AssertIsAsync(await PutAsync("orders", Body.Replace("serializable", "snapshot", StringComparison.Ordinal)), ErrorCode.KeyspaceExists);
    }

    [Fact]
    public async Task Without_a_body_the_defaults_hold()
    {
        var response = await _server.SendAsync(HttpMethod.Put, "/v1/keyspaces/plain");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var created = _server.Catalog.LastCreated!;
        Assert.Equal(KeyspacePartitioning.Range, created.Partitioning);
        Assert.Equal(1, created.Partitions);
        Assert.Equal(TimeSpan.FromHours(1), created.Retention);
        Assert.Equal(IsolationLevel.Snapshot, created.DefaultIsolation);
    }

    [Fact]
    public async Task Split_keys_cut_and_come_back()
    {
        var response = await PutAsync("cut", """{"splitKeys":["g",{"key":"m"},{"key64":"_w"}]}""");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(4, _server.Catalog.LastCreated!.Partitions);
        Assert.Equal(["g"u8.ToArray(), "m"u8.ToArray(), [0xFF]], _server.Catalog.LastCreated.SplitKeys);
        var view = await ApiServer.ReadJsonAsync(response);
        Assert.Equal("""["g","m",{"key64":"_w"}]""", view.GetProperty("splitKeys").GetRawText());
    }

    [Theory]
    [InlineData("""{"family":"weak"}""", "family is 'weak'")]
    [InlineData("""{"partitioning":"list"}""", "partitioning is 'list'")]
    [InlineData("""{"partitioning":"hash","partitions":0}""", "partitions is 0; it must be from 1 to 4096")]
    [InlineData("""{"partitioning":"hash","partitions":4097}""", "partitions is 4097")]
    [InlineData("""{"partitions":4}""", "partitions is 4, but 0 splitKeys")]
    [InlineData("""{"partitions":4,"splitKeys":["a"]}""", "partitions is 4, but 1 splitKeys")]
    [InlineData("""{"partitioning":"hash","splitKeys":["a"]}""", "splitKeys belong to partitioning range")]
    [InlineData("""{"splitKeys":["b","a"]}""", "splitKeys[1] is not above splitKeys[0]")]
    [InlineData("""{"splitKeys":["a","a"]}""", "splitKeys[1] is not above splitKeys[0]")]
    [InlineData("""{"splitKeys":[5]}""", "$.splitKeys")]
    [InlineData("""{"splitKeys":[null]}""", "splitKeys[0] is null")]
    [InlineData("""{"splitKeys":[{"key64":"*"}]}""", "base64url")]
    [InlineData("""{"replicationFactor":8}""", "replicationFactor is 8; it must be from 1 to 7")]
    [InlineData("""{"replicationFactor":"1"}""", "a number is expected")]
    [InlineData("""{"replicationFactor":1.5}""", "a whole number of 32 bits is expected")]
    [InlineData("""{"retention":"1s"}""", "retention is '1s'; it must be from 1m to 365d")]
    [InlineData("""{"retention":"long"}""", "retention is 'long'")]
    [InlineData("""{"retention":60}""", "a string is expected")]
    [InlineData("""{"family":"eventual","conflict":"newest"}""", "conflict is 'newest'; it must be siblings, lww, crdt:counter")]
    [InlineData("""{"family":"eventual","partitions":4097}""", "partitions is 4097")]
    [InlineData("""{"family":"eventual","partitioning":"modulo"}""", "partitioning is 'modulo'")]
    [InlineData("""{"family":"causal"}""", "family is 'causal'; it must be strong or eventual")]
    [InlineData("""{"family":"eventual","sloppy":"yes"}""", "sloppy")]
    [InlineData("""{"defaultIsolation":"chaos"}""", "defaultIsolation is 'chaos'; it must be snapshot or serializable")]
    [InlineData("""{"placement":[]}""", "placement is not offered")]
    [InlineData("""{"colour":"red"}""", "'colour' is not known")]
    public async Task Wrong_members_are_named_with_value_and_bound(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await PutAsync("orders", body), ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Catalog.Calls);
    }

    [Fact]
    public async Task Empty_and_overlong_split_keys_are_wrong_keys()
    {
        await Problems.AssertIsAsync(await PutAsync("orders", """{"splitKeys":[""]}"""), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await PutAsync("orders", $$"""{"splitKeys":["{{new string('a', 4097)}}"]}"""), ErrorCode.KeyTooLarge);
    }

    [Theory]
    [InlineData("""{"conflict":"lww"}""", "conflict belongs to family eventual")]
    [InlineData("""{"family":"strong","sloppy":false}""", "sloppy belongs to family eventual")]
    [InlineData("""{"family":"eventual","partitioning":"range"}""", "partitioning 'range' is not offered by family eventual")]
    [InlineData("""{"family":"eventual","splitKeys":["a"]}""", "splitKeys belong to partitioning range")]
    [InlineData("""{"family":"eventual","retention":"1h"}""", "retention is not offered by family eventual")]
    [InlineData("""{"family":"eventual","defaultIsolation":"snapshot"}""", "defaultIsolation is not offered by family eventual")]
    public async Task What_a_family_does_not_have_is_said(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await PutAsync("orders", body), ErrorCode.UnsupportedForFamily);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Catalog.Calls);
    }

    [Theory]
    [InlineData("""{"family":"eventual"}""", 32, ConflictPolicy.Siblings, false, "siblings")]
    [InlineData("""{"family":"eventual","partitions":4,"conflict":"crdt:counter","sloppy":true}""", 4, ConflictPolicy.Counter, true, "crdt:counter")]
    public async Task An_eventual_keyspace_is_what_was_asked_for(string body, int partitions, ConflictPolicy policy, bool sloppy, string conflict)
    {
        var response = await PutAsync("clicks", body);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var created = _server.Catalog.LastCreated!;
        Assert.Equal((KeyspaceFamily.Eventual, KeyspacePartitioning.Hash, partitions, policy, sloppy), (created.Family, created.Partitioning, created.Partitions, created.Conflict, created.Sloppy));
        var view = await ApiServer.ReadJsonAsync(response);
        Assert.Equal("eventual", view.GetProperty("family").GetString());
        Assert.Equal(conflict, view.GetProperty("conflict").GetString());
        Assert.Equal(sloppy, view.GetProperty("sloppy").GetBoolean());
        Assert.Equal(JsonValueKind.Null, view.GetProperty("retention").ValueKind);
    }

    [Fact]
    public async Task An_eventual_keyspace_has_no_retention_to_change() =>
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/cache", """{"retention":"7d"}"""), ErrorCode.UnsupportedForFamily);

    [Theory]
    [InlineData("Orders")]
    [InlineData("1a")]
    [InlineData("a%20b")]
    [InlineData("a%2Fb")]
    [InlineData("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm")]
    public async Task Wrong_names(string name)
    {
        await Problems.AssertIsAsync(await PutAsync(name, "{}"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/keyspaces/{name}"), ErrorCode.KeyspaceNotFound);
        Assert.Equal(0, _server.Catalog.Calls);
    }

    [Fact]
    public async Task System_keyspaces_are_shown_and_not_touched()
    {
        Assert.True((await _server.GetJsonAsync("/v1/keyspaces/system.meta")).GetProperty("system").GetBoolean());
        var calls = _server.Catalog.Calls;
        await Problems.AssertIsAsync(await PutAsync("system.mine", "{}"), ErrorCode.Forbidden);
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/system.meta", """{"retention":"2h"}"""), ErrorCode.Forbidden);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Delete, "/v1/keyspaces/system.meta?confirm=system.meta"), ErrorCode.Forbidden);
        Assert.Equal(calls, _server.Catalog.Calls);
    }

    [Fact]
    public async Task All_are_listed_by_name()
    {
        var names = (await _server.GetJsonAsync("/v1/keyspaces")).GetProperty("keyspaces").EnumerateArray().Select(keyspace => keyspace.GetProperty("name").GetString());
        Assert.Equal(["default", "system.meta"], names);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/keyspaces/none"), ErrorCode.KeyspaceNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/keyspaces?x=1"), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task Only_retention_and_default_isolation_may_change_each_by_itself()
    {
        var changed = await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/default", """{"retention":"7d"}""");
        Assert.Equal("7d", (await ApiServer.ReadJsonAsync(changed)).GetProperty("retention").GetString());
        var stricter = await ApiServer.ReadJsonAsync(await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/default", """{"defaultIsolation":"serializable"}"""));
        Assert.Equal(("serializable", "7d"), (stricter.GetProperty("defaultIsolation").GetString(), stricter.GetProperty("retention").GetString()));
        foreach (var body in new[] { """{"partitions":2}""", """{"retention":"7d","splitKeys":[]}""", "{}", """{"retention":"0s"}""" })
            await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/default", body), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Patch, "/v1/keyspaces/default"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Patch, "/v1/keyspaces/none", """{"retention":"7d"}"""), ErrorCode.KeyspaceNotFound);
    }

    [Fact]
    public async Task Deleting_needs_the_name_again()
    {
        await PutAsync("orders", "{}");
        var calls = _server.Catalog.Calls;
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=order"), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Catalog.Calls);
        Assert.Equal(HttpStatusCode.NoContent, (await _server.SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=orders")).StatusCode);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=orders"), ErrorCode.KeyspaceNotFound);
    }

    private Task<HttpResponseMessage> PutAsync(string name, string body) => _server.SendJsonAsync(HttpMethod.Put, $"/v1/keyspaces/{name}", body);
}

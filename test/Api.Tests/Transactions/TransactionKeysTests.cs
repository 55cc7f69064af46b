using System.Net;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Transactions;

/// <summary>What an interactive transaction reads and writes.</summary>
public sealed class TransactionKeysTests : IAsyncLifetime
{
    private ApiServer _server = null!;
    private string _id = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        await PutOutsideAsync("a", "one");
        await PutOutsideAsync("b", "two");
        _id = await BeginAsync("{}");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_read_is_of_the_snapshot_with_its_version()
    {
        var tag = (await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a")).Headers.ETag!.Tag;
        await PutOutsideAsync("a", "later");
        var read = await GetAsync("a");
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal("one", await TextAsync(read));
        Assert.Equal(tag, read.Headers.ETag!.Tag);
        Assert.Equal("nosniff", Header(read, "X-Content-Type-Options"));
        Assert.Equal(16, Header(read, KeyHeaders.ReadTimestamp).Length);
        Assert.NotEmpty(Header(read, KeyHeaders.Session));
        Assert.False(read.Headers.Contains(KeyHeaders.StalenessMs));
        await Problems.AssertIsAsync(await GetAsync("none"), ErrorCode.KeyNotFound);
    }

    [Fact]
    public async Task Own_writes_are_read_and_nobody_else_sees_them()
    {
        var put = await PutAsync("a", "mine", request => request.Content!.Headers.ContentType = new("text/html"));
        Assert.Equal(HttpStatusCode.NoContent, put.StatusCode);
        var read = await GetAsync("a");
        Assert.Equal("mine", await TextAsync(read));
        Assert.Equal("text/html", read.Content.Headers.ContentType!.ToString());
        Assert.Null(read.Headers.ETag);
        Assert.Equal("one", await TextAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a")));
        Assert.Equal(HttpStatusCode.NoContent, (await DeleteAsync("b")).StatusCode);
        await Problems.AssertIsAsync(await GetAsync("b"), ErrorCode.KeyNotFound);
        Assert.Equal(HttpStatusCode.NoContent, (await DeleteAsync("none")).StatusCode);
    }

    [Fact]
    public async Task Conditions_are_evaluated_at_once()
    {
        var tag = (await GetAsync("a")).Headers.ETag!.Tag;
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync("a", "x", request => request.Headers.Add("If-Match", tag))).StatusCode);
        await Problems.AssertIsAsync(await PutAsync("b", "x", request => request.Headers.Add("If-None-Match", "*")), ErrorCode.VersionMismatch);
        await Problems.AssertIsAsync(await DeleteAsync("none", request => request.Headers.Add("If-Match", "*")), ErrorCode.VersionMismatch);
        Assert.Equal(HttpStatusCode.NoContent, (await PutAsync("c", "x", request => request.Headers.Add("If-None-Match", "*"))).StatusCode);
        await Problems.AssertIsAsync(await PutAsync("c", "x", request => request.Headers.Add("If-None-Match", "*")), ErrorCode.VersionMismatch);
    }

    [Fact]
    public async Task Conditional_reads_are_those_of_keys()
    {
        var tag = (await GetAsync("a")).Headers.ETag!.Tag;
        Assert.Equal(HttpStatusCode.NotModified, (await GetAsync("a", request => request.Headers.Add("If-None-Match", tag))).StatusCode);
        await Problems.AssertIsAsync(await GetAsync("a", request => request.Headers.Add("If-Match", "\"0000000000000001\"")), ErrorCode.VersionMismatch);
        await PutAsync("a", "mine");
        Assert.Equal("mine", await TextAsync(await GetAsync("a", request => request.Headers.Add("If-Match", "*"))));
        var problem = await Problems.AssertIsAsync(await GetAsync("a", request => request.Headers.Add("If-Match", tag)), ErrorCode.VersionMismatch);
        Assert.Equal(JsonValueKind.Null, problem.GetProperty("currentVersion").ValueKind);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync("a", request => request.Headers.Add("If-None-Match", tag))).StatusCode);
    }

    [Fact]
    public async Task A_time_to_live_comes_with_the_commit()
    {
        await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{_id}/kv/default/a?ttl=1h", request => request.Content = new StringContent("x"));
        await _server.SendAsync(HttpMethod.Post, $"/v1/txn/{_id}/commit");
        var history = await _server.GetJsonAsync("/v1/history/default/a");
        Assert.True(history.GetProperty("versions")[0].TryGetProperty("expiresAt", out _));
    }

    [Fact]
    public async Task Scans_see_own_writes_page_by_page()
    {
        await PutOutsideAsync("a2", "not in the snapshot");
        await PutAsync("a1", "mine");
        await DeleteAsync("b");
        await PutAsync("c", "mine too");
        var first = await JsonAsync(await SendAsync(HttpMethod.Get, "?limit=2"));
        Assert.Equal(["a", "a1"], KeysOf(first));
        Assert.True(first.GetProperty("items")[0].TryGetProperty("version", out _));
        Assert.False(first.GetProperty("items")[1].TryGetProperty("version", out _));
        Assert.Equal("mine", first.GetProperty("items")[1].GetProperty("value").GetString());
        var cursor = first.GetProperty("cursor").GetString();
        var second = await JsonAsync(await SendAsync(HttpMethod.Get, $"?limit=2&cursor={cursor}"));
        Assert.Equal(["c"], KeysOf(second));
        Assert.False(second.TryGetProperty("cursor", out _));
        Assert.Equal(["c", "a1"], KeysOf(await JsonAsync(await SendAsync(HttpMethod.Get, "?limit=2&reverse=true&keysOnly=true"))));
        Assert.Equal(["a", "a1"], KeysOf(await JsonAsync(await SendAsync(HttpMethod.Get, "?prefix=a"))));
        Assert.Equal(["a1"], KeysOf(await JsonAsync(await SendAsync(HttpMethod.Get, "?start=a1&end=b"))));
    }

    [Fact]
    public async Task A_cursor_belongs_to_its_transaction()
    {
        var cursor = (await JsonAsync(await SendAsync(HttpMethod.Get, "?limit=1"))).GetProperty("cursor").GetString();
        var other = await BeginAsync("{}");
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/txn/{other}/kv/default?limit=1&cursor={cursor}"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default?limit=1&cursor={cursor}"), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task Scans_come_as_lines_too()
    {
        var response = await SendAsync(HttpMethod.Get, "?limit=1", request => request.Headers.Add("Accept", "application/x-ndjson"));
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        Assert.Equal("a", JsonDocument.Parse(await TextAsync(response)).RootElement.GetProperty("key").GetString());
        Assert.NotEmpty(Header(response, KeyHeaders.Cursor));
    }

    [Fact]
    public async Task Arbitrary_bytes_are_a_key_in_key64()
    {
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Put, "?key64=AP8v", request => request.Content = new StringContent("x"))).StatusCode);
        Assert.Equal("x", await TextAsync(await SendAsync(HttpMethod.Get, "?key64=AP8v")));
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "?key64=AP8v")).StatusCode);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "?key64=AP8v"), ErrorCode.KeyNotFound);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "?key64=****"), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, ""), ErrorCode.InvalidKey);
    }

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("../../commit", "../../commit")]
    [InlineData("../../../../admin/gc", "../../../../admin/gc")]
    [InlineData("a//b", "a//b")]
    [InlineData(".", ".")]
    [InlineData("%2e%2e/x", "../x")]
    [InlineData("%F0%9F%98%80", "\U0001F600")]
    public async Task Keys_in_the_path_are_their_bytes(string path, string key)
    {
        const string Ending = "Host: x\r\nConnection: close\r\n";
        var put = await _server.SendRawAsync($"PUT /v1/txn/{_id}/kv/default/{path} HTTP/1.1\r\n{Ending}Content-Length: 1\r\n\r\nx");
        Assert.Equal(204, put.Status);
        Assert.Equal(0, _server.Cluster.Collections);
        Assert.Equal("x", (await _server.SendRawAsync($"GET http://x/v1/txn/{_id}/kv/default/{path} HTTP/1.1\r\n{Ending}\r\n")).Text);
        var commit = await _server.SendAsync(HttpMethod.Post, $"/v1/txn/{_id}/commit");
        Assert.Equal(HttpStatusCode.OK, commit.StatusCode);
        Assert.Equal("x", await TextAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default?key64={System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(key))}")));
    }

    [Theory]
    [InlineData("PUT", "/system.meta/a", ErrorCode.Forbidden)]
    [InlineData("DELETE", "/system.meta/a", ErrorCode.Forbidden)]
    [InlineData("GET", "/No%20Name/a", ErrorCode.KeyspaceNotFound)]
    [InlineData("GET", "/default/a%FF", ErrorCode.InvalidKey)]
    [InlineData("GET", "/default/", ErrorCode.InvalidKey)]
    [InlineData("GET", "/default/a?asOf=0000000000000001", ErrorCode.InvalidRequest)]
    [InlineData("GET", "/default/a?explain=true", ErrorCode.InvalidRequest)]
    [InlineData("GET", "/default?asOf=0000000000000001", ErrorCode.InvalidRequest)]
    [InlineData("GET", "/default?limit=0", ErrorCode.InvalidRequest)]
    [InlineData("GET", "/default?cursor=x", ErrorCode.InvalidRequest)]
    [InlineData("GET", "/default/a?consistency=session", ErrorCode.InvalidRequest)]
    [InlineData("PUT", "/default/a?ttl=soon", ErrorCode.InvalidRequest)]
    [InlineData("DELETE", "/default/a?ttl=60s", ErrorCode.InvalidRequest)]
    public async Task What_is_wrong_never_reaches_the_store(string method, string path, ErrorCode code)
    {
        var calls = _server.Transactions.Calls;
        await Problems.AssertIsAsync(await _server.SendAsync(new HttpMethod(method), $"/v1/txn/{_id}/kv{path}"), code);
        Assert.Equal(calls, _server.Transactions.Calls);
    }

    [Fact]
    public async Task Headers_that_cannot_be_honoured_are_refused()
    {
        var calls = _server.Transactions.Calls;
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Delete })
        {
            await Problems.AssertIsAsync(await SendAsync(method, "/a", request => request.Headers.Add("Idempotency-Key", "1")), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await SendAsync(method, "/a", request => request.Headers.Add("GrainDb-Consistency", "session")), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await SendAsync(method, "/a", request => request.Headers.Add("GrainDb-Timeout", "0s")), ErrorCode.InvalidRequest);
        }

        Assert.Equal(calls, _server.Transactions.Calls);
    }

    [Fact]
    public async Task A_value_above_the_limit_is_413() => await Problems.AssertIsAsync(
        await SendAsync(HttpMethod.Put, "/a", request => request.Content = new ByteArrayContent(new byte[1024 * 1024 + 1])), ErrorCode.ValueTooLarge);

    [Fact]
    public async Task What_the_store_refuses_is_translated()
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/txn/{_id}/kv/cache/a"), ErrorCode.UnsupportedForFamily);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{_id}/kv/cache/a"), ErrorCode.UnsupportedForFamily);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/txn/{_id}/kv/nowhere"), ErrorCode.KeyspaceNotFound);
        var readOnly = await BeginAsync("""{"readOnly":true}""");
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{readOnly}/kv/default/a"), ErrorCode.InvalidRequest);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await ApiServer.ReadJsonAsync(response);
    }

    private static List<string?> KeysOf(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("key").GetString())];

    private async Task<string> BeginAsync(string body) =>
        (await ApiServer.ReadJsonAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/txn", body))).GetProperty("id").GetString()!;

    private Task<HttpResponseMessage> PutOutsideAsync(string key, string value) =>
        _server.SendAsync(HttpMethod.Put, $"/v1/kv/default/{key}", request => request.Content = new StringContent(value));

    private Task<HttpResponseMessage> GetAsync(string key, Action<HttpRequestMessage>? with = null) => SendAsync(HttpMethod.Get, $"/{key}", with);

    private Task<HttpResponseMessage> DeleteAsync(string key, Action<HttpRequestMessage>? with = null) => SendAsync(HttpMethod.Delete, $"/{key}", with);

    private Task<HttpResponseMessage> PutAsync(string key, string value, Action<HttpRequestMessage>? with = null) => SendAsync(HttpMethod.Put, $"/{key}", request =>
    {
        request.Content = new StringContent(value);
        with?.Invoke(request);
    });

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string rest, Action<HttpRequestMessage>? with = null) =>
        _server.SendAsync(method, $"/v1/txn/{_id}/kv/default{rest}", with);
}

using System.Net;
using System.Text;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class KeyRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_put_creates_then_replaces_and_names_its_version()
    {
        var created = await PutAsync("a", "one");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var version = Header(created, KeyHeaders.CommitTimestamp);
        Assert.Equal($"\"{version}\"", created.Headers.ETag!.Tag);
        Assert.Equal("region=local, range=17, node=node1, role=leader", string.Join(", ", created.Headers.GetValues(KeyHeaders.ServedBy)));
        Assert.Equal(0, created.Content.Headers.ContentLength);

        var replaced = await PutAsync("a", "two");
        Assert.Equal(HttpStatusCode.OK, replaced.StatusCode);
        Assert.NotEqual(version, Header(replaced, KeyHeaders.CommitTimestamp));
    }

    [Fact]
    public async Task A_value_comes_back_as_it_went_and_inert()
    {
        await PutAsync("a", "<script>alert(1)</script>", request => request.Content!.Headers.ContentType = new("text/html"));
        var got = await GetAsync("a");
        Assert.Equal(HttpStatusCode.OK, got.StatusCode);
        Assert.Equal("<script>alert(1)</script>", await TextAsync(got));
        Assert.Equal("text/html", got.Content.Headers.ContentType!.ToString());
        Assert.Equal("nosniff", Header(got, "X-Content-Type-Options"));
        Assert.Contains("sandbox", Header(got, "Content-Security-Policy"), StringComparison.Ordinal);
        Assert.Equal("0", Header(got, KeyHeaders.StalenessMs));
        Assert.True(Timestamp.TryParse(Header(got, KeyHeaders.ReadTimestamp), out _));
    }

    [Fact]
    public async Task An_empty_value_is_a_value()
    {
        Assert.Equal(HttpStatusCode.Created, (await PutAsync("a", "")).StatusCode);
        var got = await GetAsync("a");
        Assert.Equal(HttpStatusCode.OK, got.StatusCode);
        Assert.Equal(0, got.Content.Headers.ContentLength);
        Assert.Equal("application/octet-stream", got.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task Head_is_get_without_the_value()
    {
        await PutAsync("a", "value");
        var head = await SendAsync(HttpMethod.Head, "/v1/kv/default/a");
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(5, head.Content.Headers.ContentLength);
        Assert.NotNull(head.Headers.ETag);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(HttpMethod.Head, "/v1/kv/default/b")).StatusCode);
    }

    [Fact]
    public async Task A_missing_key_is_404()
    {
        var problem = await Problems.AssertIsAsync(await GetAsync("none"), ErrorCode.KeyNotFound);
        Assert.Equal("notApplied", problem.GetProperty("outcome").GetString());
        Assert.False(problem.GetProperty("retryable").GetBoolean());
    }

    [Fact]
    public async Task Deleting_succeeds_whether_or_not_the_key_is_there()
    {
        await PutAsync("a", "one");
        var deleted = await SendAsync(HttpMethod.Delete, "/v1/kv/default/a");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.NotNull(Header(deleted, KeyHeaders.CommitTimestamp));
        Assert.Equal(HttpStatusCode.NotFound, (await GetAsync("a")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/kv/default/a")).StatusCode);
    }

    [Fact]
    public async Task Conditions_reach_the_commit_and_a_mismatch_names_the_version()
    {
        var tag = (await PutAsync("a", "one", request => request.Headers.Add("If-None-Match", "*"))).Headers.ETag!.Tag;
        var refused = await Problems.AssertIsAsync(await PutAsync("a", "two", request => request.Headers.Add("If-None-Match", "*")), ErrorCode.VersionMismatch);
        Assert.Equal(tag.Trim('"'), refused.GetProperty("currentVersion").GetString());
        Assert.Equal(HttpStatusCode.OK, (await PutAsync("a", "two", request => request.Headers.Add("If-Match", tag))).StatusCode);
        await Problems.AssertIsAsync(await PutAsync("a", "three", request => request.Headers.Add("If-Match", tag)), ErrorCode.VersionMismatch);
        var absent = await Problems.AssertIsAsync(await SendAsync(HttpMethod.Delete, "/v1/kv/default/b", request => request.Headers.Add("If-Match", "*")), ErrorCode.VersionMismatch);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, absent.GetProperty("currentVersion").ValueKind);
    }

    [Fact]
    public async Task A_read_with_the_version_it_has_gets_304()
    {
        var tag = (await PutAsync("a", "one")).Headers.ETag!.Tag;
        var same = await GetAsync("a", request => request.Headers.Add("If-None-Match", tag));
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Equal(tag, same.Headers.ETag!.Tag);
        Assert.Empty(await TextAsync(same));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync("a", request => request.Headers.Add("If-None-Match", "\"0000000000000001\""))).StatusCode);
        await Problems.AssertIsAsync(await GetAsync("a", request => request.Headers.Add("If-Match", "\"0000000000000001\"")), ErrorCode.VersionMismatch);
        await Problems.AssertIsAsync(await GetAsync("none", request => request.Headers.Add("If-Match", "*")), ErrorCode.VersionMismatch);
    }

    [Fact]
    public async Task A_read_as_of_an_old_timestamp_finds_the_old_value()
    {
        var version = Header(await PutAsync("a", "one"), KeyHeaders.CommitTimestamp);
        await PutAsync("a", "two");
        var old = await SendAsync(HttpMethod.Get, $"/v1/kv/default/a?asOf={version}");
        Assert.Equal("one", await TextAsync(old));
        Assert.Equal(version, Header(old, KeyHeaders.ReadTimestamp));
    }

    [Fact]
    public async Task A_read_below_the_threshold_is_410_and_names_it()
    {
        _server.Store.GcThreshold = new Timestamp(0x1000);
        var gone = await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a?asOf=0000000000000fff"), ErrorCode.SnapshotTooOld);
        Assert.Equal("0000000000001000", gone.GetProperty("gcThreshold").GetString());
    }

    [Fact]
    public async Task A_time_to_live_reaches_the_store()
    {
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a?ttl=15m", request => request.Content = new StringContent("x"));
        Assert.Equal(TimeSpan.FromMinutes(15), _server.Store.LastWrite!.TimeToLive);
        foreach (var ttl in new[] { "500ms", "4000d", "soon", "" })
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, $"/v1/kv/default/a?ttl={ttl}", request => request.Content = new StringContent("x")), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_timeout_reaches_the_store_within_its_bounds()
    {
        await GetAsync("a");
        Assert.Equal(TimeSpan.FromSeconds(10), _server.Store.LastTimeout);
        await GetAsync("a", request => request.Headers.Add("GrainDb-Timeout", "2s"));
        Assert.Equal(TimeSpan.FromSeconds(2), _server.Store.LastTimeout);
        var calls = _server.Store.Calls;
        foreach (var timeout in new[] { "0s", "61s", "2", "two" })
            await Problems.AssertIsAsync(await GetAsync("a", request => request.Headers.Add("GrainDb-Timeout", timeout)), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Store.Calls);
    }

    [Fact]
    public async Task Promises_that_cannot_be_kept_are_refused()
    {
        await Problems.AssertIsAsync(await GetAsync("a", request => request.Headers.Add("Idempotency-Key", "1")), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await PutAsync("a", "x", request => request.Headers.Add("GrainDb-Context", "1")), ErrorCode.UnsupportedForFamily);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task An_unknown_parameter_is_refused_by_name()
    {
        var problem = await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a?asof=1"), ErrorCode.InvalidRequest);
        Assert.Contains("'asof'", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("asOf", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arbitrary_bytes_are_a_key_in_key64()
    {
        // 0x00 0xFF 0x2F
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, "/v1/kv/default?key64=AP8v", request => request.Content = new StringContent("x"))).StatusCode);
        Assert.Equal([0x00, 0xFF, 0x2F], _server.Store.LastWrite!.Key.ToArray());
        Assert.Equal("x", await TextAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default?key64=AP8v")));
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Head, "/v1/kv/default?key64=AP8v")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, "/v1/history/default?key64=AP8v")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/kv/default?key64=AP8v")).StatusCode);
        foreach (var bad in new[] { "", "A", "****" })
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, $"/v1/kv/default?key64={bad}"), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a?key64=AP8v"), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/kv/default"), ErrorCode.InvalidKey);
    }

    [Fact]
    public async Task Keyspaces_that_are_not_there_or_cannot_be_are_404()
    {
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/other/a"), ErrorCode.KeyspaceNotFound);
        var calls = _server.Store.Calls;
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/No%20Name/a"), ErrorCode.KeyspaceNotFound);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/1x/a"), ErrorCode.KeyspaceNotFound);
        Assert.Equal(calls, _server.Store.Calls);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, "/v1/kv/%64efault/a", request => request.Content = new StringContent("x"))).StatusCode);
    }

    [Fact]
    public async Task System_keyspaces_are_read_only()
    {
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/kv/system.meta/a", request => request.Content = new StringContent("x")), ErrorCode.Forbidden);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Delete, "/v1/kv/system.meta/a"), ErrorCode.Forbidden);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task The_longest_key_fits_with_every_byte_escaped()
    {
        var longest = string.Concat(Enumerable.Repeat("%41", KeyLimits.MaxKeyBytes));
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, $"/v1/kv/default/{longest}", request => request.Content = new StringContent("x"))).StatusCode);
        Assert.Equal(KeyLimits.MaxKeyBytes, _server.Store.LastWrite!.Key.Length);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, $"/v1/kv/default/{longest}A"), ErrorCode.KeyTooLarge);
    }

    [Fact]
    public async Task A_value_above_the_limit_is_413_and_names_it()
    {
        var problem = await Problems.AssertIsAsync(
            await SendAsync(HttpMethod.Put, "/v1/kv/default/a", request => request.Content = new ByteArrayContent(new byte[KeyLimits.DefaultMaxValueBytes + 1])),
            ErrorCode.ValueTooLarge);
        Assert.Contains("1048576", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Store.Calls);
        Assert.Equal(
            HttpStatusCode.Created,
            (await SendAsync(HttpMethod.Put, "/v1/kv/default/a", request => request.Content = new ByteArrayContent(new byte[KeyLimits.DefaultMaxValueBytes]))).StatusCode);
        Assert.Equal(KeyLimits.DefaultMaxValueBytes, _server.Store.LastWrite!.Value.Length);
    }

    [Fact]
    public async Task History_lists_versions_newest_first()
    {
        await PutAsync("a", "one");
        await SendAsync(HttpMethod.Delete, "/v1/kv/default/a");
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a?ttl=1h", request => request.Content = new StringContent("{\"n\":1}", Encoding.UTF8, "application/json"));
        var response = await SendAsync(HttpMethod.Get, "/v1/history/default/a");
        Assert.Equal("application/json", response.Content.Headers.ContentType!.MediaType);
        var versions = (await JsonAsync(response)).GetProperty("versions");
        Assert.Equal(3, versions.GetArrayLength());
        Assert.Equal(1, versions[0].GetProperty("json").GetProperty("n").GetInt32());
        Assert.Matches("Z$", versions[0].GetProperty("expiresAt").GetString());
        Assert.True(versions[1].GetProperty("deleted").GetBoolean());
        Assert.False(versions[1].TryGetProperty("value", out _));
        Assert.Equal("one", versions[2].GetProperty("value").GetString());
        Assert.Equal(0, (await JsonAsync(await SendAsync(HttpMethod.Get, "/v1/history/default/none"))).GetProperty("versions").GetArrayLength());
        Assert.Equal(16, (await JsonAsync(await SendAsync(HttpMethod.Get, "/v1/history/default/none"))).GetProperty("gcThreshold").GetString()!.Length);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static async Task<System.Text.Json.JsonElement> JsonAsync(HttpResponseMessage response) =>
        System.Text.Json.JsonDocument.Parse(await TextAsync(response)).RootElement;

    private Task<HttpResponseMessage> GetAsync(string key, Action<HttpRequestMessage>? with = null) => SendAsync(HttpMethod.Get, $"/v1/kv/default/{key}", with);

    private Task<HttpResponseMessage> PutAsync(string key, string value, Action<HttpRequestMessage>? with = null) => SendAsync(HttpMethod.Put, $"/v1/kv/default/{key}", request =>
    {
        request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(value));
        with?.Invoke(request);
    });

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Action<HttpRequestMessage>? with = null) => _server.SendAsync(method, path, with);
}

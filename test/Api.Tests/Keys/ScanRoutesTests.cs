using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class ScanRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        foreach (var key in new[] { "a/1", "a/2", "a/3", "b/1", "c" })
            await PutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"value of {key}"), "text/plain");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task All_rows_with_their_values_versions_and_types()
    {
        var page = await ScanAsync("");
        Assert.Equal(["a/1", "a/2", "a/3", "b/1", "c"], KeysOf(page));
        var item = page.GetProperty("items")[0];
        Assert.Equal("value of a/1", item.GetProperty("value").GetString());
        Assert.Equal("text/plain", item.GetProperty("contentType").GetString());
        Assert.Equal(16, item.GetProperty("version").GetString()!.Length);
        Assert.Equal(16, page.GetProperty("readTimestamp").GetString()!.Length);
        Assert.False(page.TryGetProperty("cursor", out _));
    }

    [Theory]
    [InlineData("?prefix=a/", "a/1 a/2 a/3")]
    [InlineData("?prefix=a%2F", "a/1 a/2 a/3")]
    [InlineData("?prefix64=YS8", "a/1 a/2 a/3")]
    [InlineData("?prefix=", "a/1 a/2 a/3 b/1 c")]
    [InlineData("?start=a/2&end=b/1", "a/2 a/3")]
    [InlineData("?start64=YS8y&end64=Yi8x", "a/2 a/3")]
    [InlineData("?start=b", "b/1 c")]
    [InlineData("?end=a/2", "a/1")]
    [InlineData("?start=&end=", "a/1 a/2 a/3 b/1 c")]
    [InlineData("?prefix=a/&reverse=true", "a/3 a/2 a/1")]
    [InlineData("?prefix=none", "")]
    [InlineData("?prefix64=_w", "")]
    public async Task Bounds(string query, string keys) => Assert.Equal(keys, string.Join(' ', KeysOf(await ScanAsync(query))));

    [Theory]
    [InlineData("")]
    [InlineData("?start=a")]
    [InlineData("?prefix=")]
    [InlineData("?prefix64=_w")]
    public async Task An_open_end_is_no_end(string query)
    {
        await ScanAsync(query);
        Assert.Null(_server.Store.LastScan!.End);
    }

    [Fact]
    public async Task Keys_only_leaves_values_out()
    {
        var item = (await ScanAsync("?keysOnly=true")).GetProperty("items")[0];
        Assert.Equal(["key", "version"], item.EnumerateObject().Select(member => member.Name));
        Assert.True(_server.Store.LastScan!.KeysOnly);
    }

    [Theory]
    [InlineData("")]
    [InlineData("&reverse=true")]
    public async Task All_pages_of_a_cursor_are_one_snapshot(string order)
    {
        var first = await ScanAsync($"?limit=2{order}");
        await PutAsync("a/25"u8.ToArray(), "late"u8.ToArray(), "text/plain");
        var keys = KeysOf(first);
        var cursor = first.GetProperty("cursor").GetString();
        while (cursor is not null)
        {
            var page = await ScanAsync($"?limit=2{order}&cursor={cursor}");
            Assert.Equal(first.GetProperty("readTimestamp").GetString(), page.GetProperty("readTimestamp").GetString());
            keys.AddRange(KeysOf(page));
            cursor = page.TryGetProperty("cursor", out var next) ? next.GetString() : null;
        }

        string[] expected = ["a/1", "a/2", "a/3", "b/1", "c"];
        Assert.Equal(order.Length == 0 ? expected : expected.Reverse(), keys);
    }

    [Fact]
    public async Task A_cursor_of_another_query_is_refused_before_the_store()
    {
        var cursor = (await ScanAsync("?limit=2&prefix=a/")).GetProperty("cursor").GetString();
        var calls = _server.Store.Calls;
        foreach (var query in new[] { $"?cursor={cursor}", $"?prefix=b/&cursor={cursor}", $"?prefix=a/&reverse=true&cursor={cursor}", $"?prefix=a/&keysOnly=true&cursor={cursor}", "?cursor=abc", "?cursor=" })
            await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default{query}"), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Store.Calls);
        Assert.Equal(["a/3"], KeysOf(await ScanAsync($"?prefix=a/&limit=50&cursor={cursor}")));
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=10001")]
    [InlineData("?limit=ten")]
    [InlineData("?reverse=1")]
    [InlineData("?prefix=a&start=b")]
    [InlineData("?prefix=a&prefix64=YQ")]
    [InlineData("?start=b&end=a")]
    [InlineData("?start=a&end=a")]
    [InlineData("?asOf=tomorrow")]
    [InlineData("?limit=1&limit=2")]
    [InlineData("?size=5")]
    public async Task Wrong_queries_never_reach_the_store(string query)
    {
        var calls = _server.Store.Calls;
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default{query}"), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Store.Calls);
    }

    [Fact]
    public async Task Wrong_bounds_are_wrong_keys()
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=%FF"), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default?start64=*"), ErrorCode.InvalidKey);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default?prefix={new string('a', KeyLimits.MaxKeyBytes + 1)}"), ErrorCode.KeyTooLarge);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/"), ErrorCode.InvalidKey);
    }

    [Fact]
    public async Task A_scan_as_of_an_old_timestamp_finds_the_old_rows()
    {
        var before = (await ScanAsync("?limit=1")).GetProperty("readTimestamp").GetString();
        await _server.SendAsync(HttpMethod.Delete, "/v1/kv/default/c");
        Assert.Contains("c", KeysOf(await ScanAsync($"?asOf={before}")));
        Assert.DoesNotContain("c", KeysOf(await ScanAsync("")));
    }

    [Fact]
    public async Task Every_form_of_keys_and_values()
    {
        await PutAsync([0x7A, 0xFF], [0xFF, 0x00], "image/png");
        await PutAsync("zj"u8.ToArray(), "{\"n\":\n1.0}"u8.ToArray(), "application/json");
        var items = (await ScanAsync("?prefix=z")).GetProperty("items");
        Assert.Equal("{\"n\": 1.0}", items[0].GetProperty("json").GetRawText());
        Assert.Equal("ev8", items[1].GetProperty("key64").GetString());
        Assert.Equal("_wA", items[1].GetProperty("value64").GetString());
        Assert.Equal("image/png", items[1].GetProperty("contentType").GetString());
    }

    [Fact]
    public async Task Ndjson_is_one_item_per_line_and_the_cursor_in_a_header()
    {
        await PutAsync("a/0"u8.ToArray(), "{\n}"u8.ToArray(), "application/json");
        var response = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a/&limit=3", request => request.Headers.Add("Accept", "application/x-ndjson"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType!.MediaType);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var lines = text.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["a/0", "a/1", "a/2"], lines.Select(line => line.GetProperty("key").GetString()));
        var cursor = response.Headers.GetValues(KeyHeaders.Cursor).Single();
        Assert.Equal(["a/3"], KeysOf(await ScanAsync($"?prefix=a/&limit=3&cursor={cursor}")));
    }

    [Fact]
    public async Task A_large_page_is_whole()
    {
        var value = new byte[20_000];
        value.AsSpan().Fill((byte)'x');
        for (var i = 0; i < 200; i++)
            await PutAsync(Encoding.UTF8.GetBytes($"large/{i:d3}"), value, "text/plain");
        Assert.Equal(200, (await ScanAsync("?prefix=large/&limit=1000")).GetProperty("items").GetArrayLength());
        var lines = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=large/&limit=1000", request => request.Headers.Add("Accept", "application/x-ndjson"));
        Assert.Equal(200, (await lines.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Count(character => character == '\n'));
    }

    private static List<string?> KeysOf(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("key").GetString())];

    private Task<JsonElement> ScanAsync(string query) => _server.GetJsonAsync($"/v1/kv/default{query}");

    private async Task PutAsync(byte[] key, byte[] value, string contentType) =>
        await _server.Store.WriteAsync("default", new KeyWrite(key, WriteKind.Put, value, contentType, WriteCondition.None, null), new WriteOptions(WriteLevel.Quorum, null), TimeSpan.FromSeconds(1), CancellationToken.None);

    [Theory]
    [InlineData("application/x-ndjson;q=0, application/json", "application/json")]
    [InlineData("application/x-ndjson;q=0.5, application/json;q=0.9", "application/json")]
    [InlineData("application/json;q=0.5, application/x-ndjson", "application/x-ndjson")]
    [InlineData("not a media type", "application/json")]
    public async Task The_form_follows_what_is_accepted_most(string accept, string expected)
    {
        var response = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a/&limit=3", request => request.Headers.TryAddWithoutValidation("Accept", accept));
        Assert.Equal(expected, response.Content.Headers.ContentType!.MediaType);
    }
}

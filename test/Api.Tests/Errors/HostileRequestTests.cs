using System.Text;
using CsCheck;
using GrainDb.Api.Tests.Serving;

namespace GrainDb.Api.Tests.Errors;

/// <summary>Requests that no decent client would send, byte by byte over a socket. None may reach the store, each gets its document.</summary>
public sealed class HostileRequestTests : IAsyncLifetime
{
    private const string Ending = "Host: x\r\nConnection: close\r\n";

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("a%2Fb", "a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("a//b", "a//b")]
    [InlineData("/", "/")]
    [InlineData("a/", "a/")]
    [InlineData(".", ".")]
    [InlineData("..", "..")]
    [InlineData("../../admin/gc", "../../admin/gc")]
    [InlineData("../../../v1/admin/gc", "../../../v1/admin/gc")]
    [InlineData("%2e%2e/x", "../x")]
    [InlineData("a/./b/../c", "a/./b/../c")]
    [InlineData("a%25b", "a%b")]
    [InlineData("a%252Fb", "a%2Fb")]
    [InlineData("a+b", "a+b")]
    [InlineData("a%20b", "a b")]
    [InlineData("a;b=c,d:e@f", "a;b=c,d:e@f")]
    [InlineData("%F0%9F%98%80/%e2%82%ac", "\U0001F600/\u20ac")]
    [InlineData("a%3Fb%23c", "a?b#c")]
    [InlineData("a%0D%0Ab", "a\r\nb")]
    [InlineData("a\\b", "a\\b")]
    public async Task Keys_in_the_path_are_their_bytes(string path, string key)
    {
        var put = await _server.SendRawAsync($"PUT /v1/kv/default/{path} HTTP/1.1\r\n{Ending}Content-Length: 1\r\n\r\nx");
        Assert.Equal(201, put.Status);
        Assert.Equal(Encoding.UTF8.GetBytes(key), _server.Store.LastWrite!.Key.ToArray());
        Assert.Equal(0, _server.Cluster.Collections);
        var get = await _server.SendRawAsync($"GET http://x/v1/kv/default/{path} HTTP/1.1\r\n{Ending}\r\n");
        Assert.Equal(200, get.Status);
        Assert.Equal("x", get.Text);
        var head = await _server.SendRawAsync($"HEAD /v1/kv/default/{path} HTTP/1.1\r\n{Ending}\r\n");
        Assert.Equal(200, head.Status);
        var history = await _server.SendRawAsync($"GET /v1/history/default/{path} HTTP/1.1\r\n{Ending}\r\n");
        Assert.Equal(1, history.Json.GetProperty("versions").GetArrayLength());
    }

    [Fact]
    public async Task Every_text_survives_a_round_trip_through_the_path()
    {
        // NUL cannot pass: HTTP servers refuse it in a path. It travels in key64.
        await Gen.String[1, 60].Where(text => !text.Contains('\0', StringComparison.Ordinal)).SampleAsync(async text =>
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            var path = string.Concat(bytes.Select(value => char.IsAsciiLetterOrDigit((char)value) || value is (byte)'/' or (byte)'.' ? ((char)value).ToString() : $"%{value:X2}"));
            var put = await _server.SendRawAsync($"PUT /v1/kv/default/{path} HTTP/1.1\r\n{Ending}Content-Length: 0\r\n\r\n");
            Assert.InRange(put.Status, 200, 201);
            Assert.Equal(bytes, _server.Store.LastWrite!.Key.ToArray());
        }, iter: 200, threads: 1);
    }

    [Theory]
    [InlineData("GET /v1/kv/default/%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/kv/default/a%2", ErrorCode.InvalidKey, "position 1")]
    [InlineData("GET /v1/kv/default/a%", ErrorCode.InvalidKey, "position 1")]
    [InlineData("GET /v1/kv/default/a%FFb", ErrorCode.InvalidKey, "byte 0xFF at position 1")]
    [InlineData("GET /v1/kv/default/%C0%80", ErrorCode.InvalidKey, "byte 0xC0 at position 0")]
    [InlineData("GET /v1/kv/default/%ED%A0%80", ErrorCode.InvalidKey, "byte 0xED at position 0")]
    [InlineData("DELETE /v1/kv/default/%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/history/default/%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/kv/default/", ErrorCode.InvalidKey, "empty")]
    [InlineData("DELETE /v1/kv/default/", ErrorCode.InvalidKey, "empty")]
    [InlineData("GET /v1/kv/%zz/a", ErrorCode.InvalidRequest, "position 0")]
    [InlineData("GET /v1/kv/../admin/config", ErrorCode.KeyspaceNotFound, "'..'")]
    [InlineData("GET /v1/kv//a", ErrorCode.KeyspaceNotFound, "''")]
    [InlineData("GET /v1/kv/default?prefix=%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/kv/default?%zz=a", ErrorCode.InvalidRequest, "parameter name")]
    [InlineData("GET /v1/txn/../kv/default/a", ErrorCode.TransactionNotFound, "'..'")]
    [InlineData("GET /v1/txn//kv/default/a", ErrorCode.TransactionNotFound, "''")]
    [InlineData("DELETE /v1/txn/%zz/kv/default/a", ErrorCode.TransactionNotFound, "'%zz'")]
    [InlineData("GET /v1/txn/00000000000000010000000000000001/kv/default/%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/txn/00000000000000010000000000000001/kv/default?prefix=%zz", ErrorCode.InvalidKey, "position 0")]
    [InlineData("GET /v1/txn/00000000000000010000000000000001/kv/../../commit", ErrorCode.KeyspaceNotFound, "'..'")]
    [InlineData("GET /v1/k%76/default/a", ErrorCode.RouteNotFound, "plainly")]
    [InlineData("GET /v1/./kv/default/a", ErrorCode.RouteNotFound, "plainly")]
    public async Task Bad_targets_are_refused_with_their_position(string line, ErrorCode code, string why)
    {
        var response = await _server.SendRawAsync($"{line} HTTP/1.1\r\n{Ending}\r\n");
        Assert.Contains(why, Problems.AssertIs(response, code).GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Store.Calls + _server.Transactions.Calls);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1", ErrorCode.RouteNotFound)]
    [InlineData("GET /v1/kv HTTP/1.1", ErrorCode.RouteNotFound)]
    [InlineData("GET /v1/nothing HTTP/1.1", ErrorCode.RouteNotFound)]
    [InlineData("GET /v1/txn HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("GET /v1/transact HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("GET /v1/txn/00000000000000010000000000000001/commit HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("POST /v1/txn/00000000000000010000000000000001/abort HTTP/1.1", ErrorCode.RouteNotFound)]
    [InlineData("POST /v1/txn/00000000000000010000000000000001/kv/default/a HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("GET /v1/txn/00000000000000010000000000000001/kv HTTP/1.1", ErrorCode.RouteNotFound)]
    [InlineData("PATCH /v1/crdt/default/a HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("POST /v1/kv/default/a HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("PATCH /v1/kv/default HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("DELETE /v1/ring HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("GET /v1/batch HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("OPTIONS /v1/batch HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("BREW /v1/kv/default/a HTTP/1.1", ErrorCode.MethodNotAllowed)]
    [InlineData("GET /problems/none HTTP/1.1", ErrorCode.RouteNotFound)]
    public async Task Paths_and_methods_that_are_not_there(string line, ErrorCode code)
    {
        var response = await _server.SendRawAsync($"{line}\r\n{Ending}Content-Length: 0\r\n\r\n");
        Problems.AssertIs(response, code);
        if (code == ErrorCode.MethodNotAllowed)
            Assert.NotEmpty(response.Headers["Allow"]);
        Assert.Equal(0, _server.Store.Calls + _server.Transactions.Calls);
    }

    [Theory]
    [InlineData("GET /v1/kv/default/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "key64")]
    [InlineData("GET /v1/kv/default/a\0b HTTP/1.1\r\nHost: x\r\n\r\n", "")]
    [InlineData("GET /v1/kv/default/a\u00e9b HTTP/1.1\r\nHost: x\r\n\r\n", "")]
    [InlineData("GET /v1/kv/default/a HTTP/1.1\r\n\r\n", "Host")]
    [InlineData("GET /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "Host")]
    [InlineData("GET /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", "header")]
    [InlineData("GET /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", "")]
    [InlineData("GET /v1/kv/default/a b HTTP/1.1\r\nHost: x\r\n\r\n", "")]
    [InlineData("GET /v1/kv/default/a HTTP/9.9\r\nHost: x\r\n\r\n", "version")]
    [InlineData("nonsense\r\n\r\n", "")]
    [InlineData("PUT /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", "content length")]
    [InlineData("PUT /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "Content-Length")]
    [InlineData("PUT /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nx", "")]
    public async Task What_the_server_refuses_itself_is_a_document_too(string request, string why)
    {
        var response = await _server.SendRawAsync(request);
        var problem = Problems.AssertIs(response, ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("notApplied", problem.GetProperty("outcome").GetString());
        Assert.Equal("close", response.Headers["Connection"]);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task Overlong_headers_and_targets_are_refused_with_their_limit()
    {
        var header = await _server.SendRawAsync($"GET /v1/kv/default/a HTTP/1.1\r\n{Ending}GrainDb-Session: {new string('x', 40_000)}\r\n\r\n");
        Assert.Contains("32768", Problems.AssertIs(header, ErrorCode.InvalidRequest).GetProperty("detail").GetString(), StringComparison.Ordinal);
        var many = await _server.SendRawAsync($"GET /v1/kv/default/a HTTP/1.1\r\n{Ending}{string.Concat(Enumerable.Repeat("A: b\r\n", 200))}\r\n");
        Assert.Contains("100", Problems.AssertIs(many, ErrorCode.InvalidRequest).GetProperty("detail").GetString(), StringComparison.Ordinal);
        var line = await _server.SendRawAsync($"GET /v1/kv/default/{new string('a', 70_000)} HTTP/1.1\r\n{Ending}\r\n");
        Assert.Contains("65536", Problems.AssertIs(line, ErrorCode.InvalidRequest).GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_refusal_after_a_good_answer_spoils_only_itself()
    {
        var second = await RawRequest.SendAsync(_server.Address, async (stream, token) =>
        {
            await stream.WriteAsync("PUT /v1/kv/default/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"u8.ToArray(), token);
            Assert.Equal(201, (await RawRequest.ReadAsync(stream, token)).Status);
            await stream.WriteAsync("GET /v1/kv/default/%00 HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), token);
        });
        Problems.AssertIs(second, ErrorCode.InvalidRequest);
    }

    [Theory]
    [InlineData("If-Match: *\r\nIf-Match: *\r\n")]
    [InlineData("GrainDb-Timeout: 1s\r\nGrainDb-Timeout: 2s\r\n")]
    [InlineData("GrainDb-Session: a\r\nGrainDb-Session: b\r\n")]
    [InlineData("GrainDb-Consistency: quorum\r\nGrainDb-Consistency: all\r\n")]
    [InlineData("Content-Type: text/plain\r\nContent-Type: text/html\r\n")]
    [InlineData("If-Match: 5\r\n")]
    [InlineData("If-None-Match: \"0000000000000001\"\r\n")]
    [InlineData("Content-Type: nonsense\r\n")]
    [InlineData("GrainDb-Timeout: forever\r\n")]
    public async Task Wrong_and_repeated_headers(string headers)
    {
        var response = await _server.SendRawAsync($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}{headers}Content-Length: 1\r\n\r\nx");
        Problems.AssertIs(response, ErrorCode.InvalidRequest);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_content_type_above_its_limit_is_refused()
    {
        var response = await _server.SendRawAsync($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Content-Type: text/{new string('x', 251)}\r\nContent-Length: 1\r\n\r\nx");
        Assert.Contains("255", Problems.AssertIs(response, ErrorCode.InvalidRequest).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_is_announced_too_long_is_refused_before_it_is_sent()
    {
        var response = await _server.SendRawAsync($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n");
        var problem = Problems.AssertIs(response, ErrorCode.ValueTooLarge);
        Assert.Contains("1048576", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_value_without_length_is_stopped_at_the_limit()
    {
        var chunk = new byte[64 * 1024];
        var response = await RawRequest.SendAsync(_server.Address, async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Transfer-Encoding: chunked\r\n\r\n"), token);
            for (var i = 0; i < 17; i++)
            {
                await stream.WriteAsync("10000\r\n"u8.ToArray(), token);
                await stream.WriteAsync(chunk, token);
                await stream.WriteAsync("\r\n"u8.ToArray(), token);
            }

            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), token);
        });
        Problems.AssertIs(response, ErrorCode.ValueTooLarge);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_chunked_value_is_stored_whole()
    {
        var response = await RawRequest.SendAsync(_server.Address, async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Transfer-Encoding: chunked\r\n\r\n"), token);
            for (var i = 0; i < 10; i++)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"3E8\r\n{new string((char)('0' + i), 1000)}\r\n"), token);
                await stream.FlushAsync(token);
            }

            await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), token);
        });
        Assert.Equal(201, response.Status);
        Assert.Equal(string.Concat(Enumerable.Range(0, 10).Select(i => new string((char)('0' + i), 1000))), Encoding.ASCII.GetString(_server.Store.LastWrite!.Value.Span));
    }

    [Theory]
    [InlineData("zz\r\nx")]
    [InlineData("-1\r\nx")]
    [InlineData("1\r\nxyz\r\n0\r\n\r\n")]
    public async Task Broken_chunks_are_refused(string body)
    {
        var response = await _server.SendRawAsync($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Transfer-Encoding: chunked\r\n\r\n{body}");
        Problems.AssertIs(response, ErrorCode.InvalidRequest);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_body_that_ends_early_is_not_stored()
    {
        await RawRequest.SendAsync(_server.Address, async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Content-Length: 100\r\n\r\nshort"), token);
            stream.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        });
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task Http_1_0_is_served()
    {
        await _server.SendRawAsync($"PUT /v1/kv/default/a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx");
        var get = await _server.SendRawAsync("GET /v1/kv/default/a HTTP/1.0\r\n\r\n");
        Assert.Equal(200, get.Status);
        Assert.Equal("x", get.Text);
        var scan = await _server.SendRawAsync("GET /v1/kv/default HTTP/1.0\r\n\r\n");
        Assert.Equal(1, scan.Json.GetProperty("items").GetArrayLength());
        Problems.AssertIs(await _server.SendRawAsync("GET /v1/kv/default/b HTTP/1.0\r\n\r\n"), ErrorCode.KeyNotFound);
    }

    [Fact]
    public async Task An_error_leaves_the_connection_in_step()
    {
        // Two requests in one packet: the refused one must not swallow or shift the next.
        var response = await RawRequest.SendAsync(_server.Address, async (stream, token) =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes("PUT /v1/kv/default/%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), token);
            var refused = await RawRequest.ReadAsync(stream, token);
            Problems.AssertIs(refused, ErrorCode.InvalidKey);
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT /v1/kv/default/a HTTP/1.1\r\n{Ending}Content-Length: 1\r\n\r\nx"), token);
        });
        Assert.Equal(201, response.Status);
        Assert.Equal(1, _server.Store.Calls);
    }

    [Fact]
    public async Task Random_targets_never_break_the_server()
    {
        await Gen.Char["/v1kvdefault%20.?&=+-_~:;@!$'()*,#\\zF"].Array[1, 40].Select(characters => new string(characters)).SampleAsync(async target =>
        {
            var response = await _server.SendRawAsync($"GET /v1/kv/default/{target} HTTP/1.1\r\n{Ending}\r\n");
            Assert.InRange(response.Status, 200, 431);
        }, iter: 200, threads: 1);
    }
}

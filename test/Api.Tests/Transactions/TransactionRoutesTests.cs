using System.Net;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Transactions;

/// <summary>The life of an interactive transaction.</summary>
public sealed class TransactionRoutesTests : IAsyncLifetime
{
    private const string Unknown = "00000000000000010000000000000001";

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_transaction_begins_with_its_defaults_and_says_where_it_is()
    {
        var response = await _server.SendAsync(HttpMethod.Post, "/v1/txn");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var begun = await ApiServer.ReadJsonAsync(response);
        var id = begun.GetProperty("id").GetString()!;
        Assert.True(TransactionId.TryParse(id, out _));
        Assert.Equal($"/v1/txn/{id}", response.Headers.Location!.ToString());
        Assert.True(Timestamp.TryParse(begun.GetProperty("readTimestamp").GetString(), out _));
        Assert.Equal("2026-01-01T00:00:30.000Z", begun.GetProperty("expiresAt").GetString());
        Assert.Equal(new TransactionOptions(Isolation: null, ReadOnly: false, Timestamp.Zero, TimeSpan.FromSeconds(30)), _server.Transactions.LastOptions);
        Assert.Equal("active", (await StateAsync(id)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task What_a_transaction_shall_be_reaches_the_store()
    {
        var response = await _server.SendJsonAsync(
            HttpMethod.Post, "/v1/txn", """{"isolation":"serializable","readOnly":true,"asOf":"00000000000000ff","timeout":"5s"}""");
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(new TransactionOptions(IsolationLevel.Serializable, ReadOnly: true, new Timestamp(255), TimeSpan.FromSeconds(5)), _server.Transactions.LastOptions);
        await _server.SendAsync(HttpMethod.Post, "/v1/txn", request => request.Headers.Add("GrainDb-Timeout", "2s"));
        Assert.Equal(TimeSpan.FromSeconds(2), _server.Transactions.LastTimeout);
        Assert.Equal(HttpStatusCode.Created, (await _server.SendJsonAsync(HttpMethod.Post, "/v1/txn", "{}")).StatusCode);
    }

    [Theory]
    [InlineData("""{"isolation":"chaos"}""", "isolation is 'chaos'; it must be snapshot or serializable")]
    [InlineData("""{"isolation":1}""", "$.isolation")]
    [InlineData("""{"asOf":"00000000000000ff"}""", "asOf needs \"readOnly\":true")]
    [InlineData("""{"readOnly":true,"asOf":"soon"}""", "asOf is 'soon'")]
    [InlineData("""{"readOnly":"yes"}""", "$.readOnly")]
    [InlineData("""{"timeout":"soon"}""", "timeout is 'soon'")]
    [InlineData("""{"timeout":"999ms"}""", "from 1s to 60s")]
    [InlineData("""{"timeout":"61s"}""", "from 1s to 60s")]
    [InlineData("""{"timeout":30}""", "$.timeout")]
    [InlineData("""{"isolationLevel":"snapshot"}""", "'isolationLevel' is not known")]
    [InlineData("""{"readOnly":true,"readOnly":true}""", "'readOnly' is given twice")]
    [InlineData("[]", "$")]
    [InlineData("{", "line 1")]
    public async Task A_wrong_beginning_says_what_is_wrong(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/txn", body), ErrorCode.InvalidRequest);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Fact]
    public async Task A_commit_gives_every_write_one_version()
    {
        var id = await BeginAsync();
        await PutAsync(id, "a", "1");
        await PutAsync(id, "b", "2");
        var response = await PostAsync($"{id}/commit");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var version = (await ApiServer.ReadJsonAsync(response)).GetProperty("commitTimestamp").GetString();
        Assert.Equal(version, Header(response, KeyHeaders.CommitTimestamp));
        Assert.Equal(SessionToken.Format(new Timestamp(Convert.ToUInt64(version, 16))), Header(response, KeyHeaders.Session));
        foreach (var key in new[] { "a", "b" })
            Assert.Equal($"\"{version}\"", (await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default/{key}")).Headers.ETag!.Tag);
        var state = await StateAsync(id);
        Assert.Equal("committed", state.GetProperty("status").GetString());
        Assert.Equal(version, state.GetProperty("commitTimestamp").GetString());
        Assert.False(state.TryGetProperty("reason", out _));
    }

    [Fact]
    public async Task A_repeated_commit_gives_the_same_answer()
    {
        var id = await BeginAsync();
        await PutAsync(id, "a", "1");
        var first = await ApiServer.ReadJsonAsync(await PostAsync($"{id}/commit"));
        var again = await PostAsync($"{id}/commit");
        Assert.Equal(first.GetRawText(), (await ApiServer.ReadJsonAsync(again)).GetRawText());
        Assert.Equal("true", Header(again, "GrainDb-Idempotent-Replay"));
    }

    [Fact]
    public async Task Of_two_that_write_the_same_key_the_second_learns_where()
    {
        var (first, second) = (await BeginAsync(), await BeginAsync());
        await PutAsync(first, "a", "1");
        await PutAsync(second, "a", "2");
        await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{second}/kv/default?key64=_w", request => request.Content = new StringContent("2"));
        await _server.SendAsync(HttpMethod.Put, "/v1/kv/default?key64=_w", request => request.Content = new StringContent("1"));
        Assert.Equal(HttpStatusCode.OK, (await PostAsync($"{first}/commit")).StatusCode);
        var response = await PostAsync($"{second}/commit");
        var problem = await Problems.AssertIsAsync(response, ErrorCode.TransactionConflict);
        Assert.Equal("notApplied", problem.GetProperty("outcome").GetString());
        Assert.True(problem.GetProperty("retryable").GetBoolean());
        Assert.Null(response.Headers.RetryAfter);
        Assert.Equal("""[{"keyspace":"default","key":"a"},{"keyspace":"default","key64":"_w"}]""", problem.GetProperty("keys").GetRawText());
        Assert.Equal("aborted", (await StateAsync(second)).GetProperty("status").GetString());
        await Problems.AssertIsAsync(await PostAsync($"{second}/commit"), ErrorCode.TransactionExpired);
    }

    [Fact]
    public async Task Rolling_back_leaves_nothing_and_can_be_repeated()
    {
        var id = await BeginAsync();
        await PutAsync(id, "a", "1");
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync($"{id}/rollback")).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync($"{id}/rollback")).StatusCode);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a"), ErrorCode.KeyNotFound);
        var state = await StateAsync(id);
        Assert.Equal("aborted", state.GetProperty("status").GetString());
        Assert.Equal("Rolled back.", state.GetProperty("reason").GetString());
        await Problems.AssertIsAsync(await PutAsync(id, "a", "1"), ErrorCode.TransactionExpired);
        await Problems.AssertIsAsync(await PostAsync($"{id}/keepalive"), ErrorCode.TransactionExpired);
    }

    [Fact]
    public async Task Keeping_alive_says_until_when()
    {
        var id = await BeginAsync();
        var alive = await ApiServer.ReadJsonAsync(await PostAsync($"{id}/keepalive"));
        Assert.Equal(id, alive.GetProperty("id").GetString());
        Assert.Equal("2026-01-01T00:00:30.000Z", alive.GetProperty("expiresAt").GetString());
    }

    [Theory]
    [InlineData(TransactionStatus.Active, "active")]
    [InlineData(TransactionStatus.Preparing, "preparing")]
    [InlineData(TransactionStatus.Committed, "committed")]
    [InlineData(TransactionStatus.Aborted, "aborted")]
    [InlineData(TransactionStatus.Unknown, "unknown")]
    public async Task Every_status_has_its_name(TransactionStatus status, string name)
    {
        _server.Transactions.NextView = new TransactionView(new TransactionId(new Timestamp(1), 2), status, new Timestamp(255), status == TransactionStatus.Committed ? null : "Because.");
        var state = await StateAsync(Unknown);
        Assert.Equal(name, state.GetProperty("status").GetString());
        Assert.Equal(status == TransactionStatus.Committed, state.TryGetProperty("commitTimestamp", out _));
        Assert.Equal(status != TransactionStatus.Committed, state.TryGetProperty("reason", out _));
    }

    [Fact]
    public async Task A_transaction_that_never_began_is_404()
    {
        foreach (var path in new[] { $"{Unknown}/commit", $"{Unknown}/rollback", $"{Unknown}/keepalive" })
            await Problems.AssertIsAsync(await PostAsync(path), ErrorCode.TransactionNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/txn/{Unknown}"), ErrorCode.TransactionNotFound);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("0000000000000001000000000000000g")]
    [InlineData("00000000000000000000000000000000")]
    [InlineData("0000000000000001 000000000000001")]
    [InlineData("000000000000000100000000000000011")]
    [InlineData("-0000000000000100000000000000001")]
    public async Task An_id_that_none_can_have_is_not_looked_for(string id)
    {
        foreach (var path in new[] { $"/v1/txn/{id}/commit", $"/v1/txn/{id}/rollback", $"/v1/txn/{id}/keepalive" })
            await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, path), ErrorCode.TransactionNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/txn/{id}/kv/default/a"), ErrorCode.TransactionNotFound);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{id}/kv/default/a"), ErrorCode.TransactionNotFound);
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Theory]
    [InlineData("GrainDb-Consistency", "quorum", ErrorCode.InvalidRequest)]
    [InlineData("GrainDb-Context", "x", ErrorCode.UnsupportedForFamily)]
    [InlineData("GrainDb-Timeout", "61s", ErrorCode.InvalidRequest)]
    [InlineData("GrainDb-Session", "x", ErrorCode.InvalidRequest)]
    public async Task Headers_that_cannot_be_honoured_are_refused(string name, string value, ErrorCode code)
    {
        foreach (var path in new[] { "/v1/txn", $"/v1/txn/{Unknown}/commit", $"/v1/txn/{Unknown}/rollback", $"/v1/txn/{Unknown}/keepalive" })
            await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, path, request => request.Headers.Add(name, value)), code);
        await Problems.AssertIsAsync(
            await _server.SendAsync(HttpMethod.Post, "/v1/transact", request =>
            {
                request.Headers.Add(name, value);
                request.Content = new StringContent("""{"reads":[{"keyspace":"default","key":"a"}]}""", System.Text.Encoding.UTF8, "application/json");
            }),
            code);
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Fact]
    public async Task Queries_and_bodies_that_say_more_are_refused()
    {
        foreach (var path in new[] { "commit", "rollback", "keepalive" })
        {
            await Problems.AssertIsAsync(await PostAsync($"{Unknown}/{path}?force=true"), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/txn/{Unknown}/{path}", """{"force":true}"""), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(
                await _server.SendAsync(HttpMethod.Post, $"/v1/txn/{Unknown}/{path}", request => request.Content = new StringContent("force=true")),
                ErrorCode.UnsupportedMediaType);
        }

        Assert.Equal(0, _server.Transactions.Calls);
        var id = await BeginAsync();
        Assert.Equal(HttpStatusCode.OK, (await _server.SendJsonAsync(HttpMethod.Post, $"/v1/txn/{id}/commit", "{}")).StatusCode);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private async Task<string> BeginAsync() => (await ApiServer.ReadJsonAsync(await _server.SendAsync(HttpMethod.Post, "/v1/txn"))).GetProperty("id").GetString()!;

    private Task<JsonElement> StateAsync(string id) => _server.GetJsonAsync($"/v1/txn/{id}");

    private Task<HttpResponseMessage> PostAsync(string path) => _server.SendAsync(HttpMethod.Post, $"/v1/txn/{path}");

    private Task<HttpResponseMessage> PutAsync(string id, string key, string value) =>
        _server.SendAsync(HttpMethod.Put, $"/v1/txn/{id}/kv/default/{key}", request => request.Content = new StringContent(value));
}

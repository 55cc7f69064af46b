using System.Net;
using System.Text;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Idempotency;

/// <summary>Requests that are sent again with their <c>Idempotency-Key</c>.</summary>
public sealed class IdempotencyRoutesTests : IAsyncLifetime
{
    private const string Key = "order-4711";

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_repeated_put_gives_the_original_answer()
    {
        var first = await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one");
        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.False(IsReplay(first));
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "two", key: "another");
        var again = await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one");
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal(first.Headers.ETag, again.Headers.ETag);
        Assert.Equal(Header(first, KeyHeaders.CommitTimestamp), Header(again, KeyHeaders.CommitTimestamp));
        Assert.True(IsReplay(again));
        var now = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a");
        Assert.Equal("two", await now.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(2, (await _server.GetJsonAsync("/v1/history/default/a")).GetProperty("versions").GetArrayLength());
    }

    [Fact]
    public async Task A_condition_that_held_is_not_asked_again()
    {
        void Absent(HttpRequestMessage request) => request.Headers.Add("If-None-Match", "*");
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one", with: Absent)).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one", with: Absent)).StatusCode);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one", key: "another", with: Absent), ErrorCode.VersionMismatch);
    }

    [Fact]
    public async Task A_repeated_delete_gives_the_original_answer()
    {
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one", key: "put");
        var first = await SendAsync(HttpMethod.Delete, "/v1/kv/default/a");
        Assert.Equal(HttpStatusCode.NoContent, first.StatusCode);
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "two", key: "put again");
        var again = await SendAsync(HttpMethod.Delete, "/v1/kv/default/a");
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        Assert.Equal(Header(first, KeyHeaders.CommitTimestamp), Header(again, KeyHeaders.CommitTimestamp));
        Assert.True(IsReplay(again));
        Assert.Equal(HttpStatusCode.OK, (await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a")).StatusCode);
    }

    [Theory]
    [InlineData("/v1/kv/default/a", "two", "text/plain", null)]
    [InlineData("/v1/kv/default/b", "one", "text/plain", null)]
    [InlineData("/v1/kv/default/a", "one", "text/html", null)]
    [InlineData("/v1/kv/default/a?ttl=60s", "one", "text/plain", null)]
    [InlineData("/v1/kv/default/a", "one", "text/plain", "*")]
    public async Task Another_request_with_the_same_key_is_422(string path, string value, string contentType, string? ifMatch)
    {
        await PutTypedAsync("/v1/kv/default/a", "one", "text/plain", ifMatch: null);
        var problem = await Problems.AssertIsAsync(await PutTypedAsync(path, value, contentType, ifMatch), ErrorCode.IdempotencyMismatch);
        Assert.Equal("notApplied", problem.GetProperty("outcome").GetString());
        Assert.False(problem.GetProperty("retryable").GetBoolean());
    }

    [Theory]
    [InlineData("/v1/kv/default/%61", "quorum")]
    [InlineData("/v1/kv/default?key64=YQ", "quorum")]
    [InlineData("/v1/kv/default/a", "all")]
    public async Task The_same_request_in_another_form_is_the_same(string path, string consistency)
    {
        await PutTypedAsync("/v1/kv/default/a", "one", "text/plain", ifMatch: null);
        var again = await _server.SendAsync(HttpMethod.Put, path, request =>
        {
            request.Content = new StringContent("one", new System.Net.Http.Headers.MediaTypeHeaderValue("text/plain"));
            request.Headers.Add("Idempotency-Key", Key);
            request.Headers.Add("GrainDb-Consistency", consistency);
        });
        Assert.True(IsReplay(again));
    }

    [Fact]
    public async Task Still_running_is_409_with_a_time_to_come_back()
    {
        _server.Store.NextFailure = Failure.NotApplied(ErrorCode.IdempotencyInProgress, "It runs.") with { RetryAfter = TimeSpan.FromSeconds(2) };
        var response = await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one");
        var problem = await Problems.AssertIsAsync(response, ErrorCode.IdempotencyInProgress);
        Assert.True(problem.GetProperty("retryable").GetBoolean());
        Assert.Equal(TimeSpan.FromSeconds(2), response.Headers.RetryAfter!.Delta);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\u00e9b")]
    [InlineData("a\tb")]
    [InlineData("{256}")]
    [InlineData("one\r\nIdempotency-Key: two")]
    public async Task A_key_that_is_none_is_refused_everywhere(string key)
    {
        key = key == "{256}" ? new string('x', 256) : key;
        foreach (var line in new[]
        {
            "PUT /v1/kv/default/a", "DELETE /v1/kv/default/a", "POST /v1/batch", "POST /v1/transact", "POST /v1/txn/00000000000000010000000000000001/commit",
            "PUT /v1/keyspaces/orders", "PATCH /v1/keyspaces/orders", "DELETE /v1/keyspaces/orders?confirm=orders",
        })
        {
            var response = await _server.SendRawAsync($"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIdempotency-Key: {key}\r\nContent-Length: 2\r\n\r\n{{}}");
            Problems.AssertIs(response, ErrorCode.InvalidRequest);
        }

        Assert.Equal(0, _server.Store.Calls + _server.Transactions.Calls + _server.Catalog.Calls);
    }

    [Fact]
    public async Task The_longest_key_is_taken()
    {
        var key = new string('~', TransactionLimits.MaxIdempotencyKeyLength);
        Assert.Equal(HttpStatusCode.Created, (await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one", key)).StatusCode);
        Assert.Equal(key, _server.Store.LastStamp!.Key);
    }

    [Fact]
    public async Task Where_a_key_could_not_keep_its_promise_it_is_refused()
    {
        const string Id = "00000000000000010000000000000001";
        foreach (var (method, path) in new[]
        {
            ("GET", "/v1/kv/default/a"), ("GET", "/v1/kv/default"), ("GET", "/v1/history/default/a"), ("POST", "/v1/txn"), ("GET", $"/v1/txn/{Id}"),
            ("POST", $"/v1/txn/{Id}/rollback"), ("POST", $"/v1/txn/{Id}/keepalive"), ("PUT", $"/v1/txn/{Id}/kv/default/a"), ("DELETE", $"/v1/txn/{Id}/kv/default/a"),
        })
        {
            var problem = await Problems.AssertIsAsync(await SendAsync(new HttpMethod(method), path, body: null), ErrorCode.InvalidRequest);
            Assert.Contains("Idempotency-Key", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }

        Assert.Equal(0, _server.Store.Calls + _server.Transactions.Calls);
    }

    [Fact]
    public async Task A_repeated_batch_repeats_its_writes_and_reads_anew()
    {
        const string Body = """
            {"ops":[{"put":{"keyspace":"default","key":"a","value":"1"}},{"get":{"keyspace":"default","key":"a"}},{"delete":{"keyspace":"default","key":"b"}}]}
            """;
        var first = await SendAsync(HttpMethod.Post, "/v1/batch", Body);
        Assert.False(IsReplay(first));
        await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/a", request => request.Content = new StringContent("2"));
        var again = await SendAsync(HttpMethod.Post, "/v1/batch", Body);
        Assert.True(IsReplay(again));
        var (before, after) = ((await ApiServer.ReadJsonAsync(first)).GetProperty("results"), (await ApiServer.ReadJsonAsync(again)).GetProperty("results"));
        Assert.Equal(201, after[0].GetProperty("status").GetInt32());
        Assert.Equal(before[0].GetProperty("version").GetString(), after[0].GetProperty("version").GetString());
        Assert.True(after[0].GetProperty("replay").GetBoolean());
        Assert.False(before[0].TryGetProperty("replay", out _));
        Assert.Equal("2", after[1].GetProperty("value").GetString());
        Assert.Equal(before[2].GetProperty("version").GetString(), after[2].GetProperty("version").GetString());
    }

    [Fact]
    public async Task Another_batch_with_the_same_key_changes_nothing_that_the_first_did()
    {
        await SendAsync(HttpMethod.Post, "/v1/batch", """{"ops":[{"put":{"keyspace":"default","key":"a","value":"1"}}]}""");
        var other = await SendAsync(HttpMethod.Post, "/v1/batch", """{"ops":[{"put":{"keyspace":"default","key":"a","value":"2"}}]}""");
        var result = (await ApiServer.ReadJsonAsync(other)).GetProperty("results")[0];
        Assert.Equal(422, result.GetProperty("status").GetInt32());
        Assert.Equal("idempotency_mismatch", result.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Operations_of_a_batch_have_keys_of_their_own_within_the_bound()
    {
        var key = new string('x', TransactionLimits.MaxIdempotencyKeyLength);
        Assert.InRange(IdempotencyKey.OfStep(key, 999).Length, 1, TransactionLimits.MaxIdempotencyKeyLength);
        Assert.NotEqual(IdempotencyKey.OfStep("a", 11), IdempotencyKey.OfStep("a1", 1));
        await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "one");
        var batch = await SendAsync(HttpMethod.Post, "/v1/batch", """{"ops":[{"put":{"keyspace":"default","key":"a","value":"1"}}]}""");
        Assert.Equal(200, (await ApiServer.ReadJsonAsync(batch)).GetProperty("results")[0].GetProperty("status").GetInt32());
    }

    [Fact]
    public async Task A_repeated_transaction_gives_reads_and_increments_of_the_first()
    {
        await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/n", request => request.Content = new StringContent("41"));
        const string Body = """
            {"checks":[{"keyspace":"default","key":"n","value":"41"}],"reads":[{"keyspace":"default","key":"n"},{"keyspace":"default","prefix":"n"},{"keyspace":"default","key":"none"}],
             "writes":[{"increment":{"keyspace":"default","key":"n"}},{"put":{"keyspace":"default","key":"m","value":"x"}}]}
            """;
        var first = await SendAsync(HttpMethod.Post, "/v1/transact", Body);
        Assert.False(IsReplay(first));
        var again = await SendAsync(HttpMethod.Post, "/v1/transact", Body);
        Assert.True(IsReplay(again));
        Assert.Equal((await ApiServer.ReadJsonAsync(first)).GetRawText(), (await ApiServer.ReadJsonAsync(again)).GetRawText());
        Assert.Equal("42", await (await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/n")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Post, "/v1/transact", Body.Replace("41", "42", StringComparison.Ordinal)), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task What_had_no_effect_is_evaluated_anew()
    {
        const string Body = """{"checks":[{"keyspace":"default","key":"a","exists":true}],"writes":[{"increment":{"keyspace":"default","key":"n"}}]}""";
        Assert.False((await ApiServer.ReadJsonAsync(await SendAsync(HttpMethod.Post, "/v1/transact", Body))).GetProperty("committed").GetBoolean());
        await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/a", request => request.Content = new StringContent("x"));
        Assert.True((await ApiServer.ReadJsonAsync(await SendAsync(HttpMethod.Post, "/v1/transact", Body))).GetProperty("committed").GetBoolean());
    }

    [Fact]
    public async Task A_transaction_whose_answer_cannot_be_kept_is_refused_before_it_does_anything()
    {
        await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/large", request => request.Content = new ByteArrayContent(new byte[TransactionLimits.MaxIdempotencyAnswerBytes]));
        const string Body = """{"reads":[{"keyspace":"default","key":"large"}],"writes":[{"increment":{"keyspace":"default","key":"n"}}]}""";
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Post, "/v1/transact", Body), ErrorCode.TransactionTooLarge);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/n"), ErrorCode.KeyNotFound);
        var calls = _server.Transactions.Calls;
        var writes = string.Join(',', Enumerable.Range(0, TransactAnswer.MaxWrites + 1).Select(i => $$$"""{"increment":{"keyspace":"default","key":"{{{i}}}"}}"""));
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Post, "/v1/transact", $$"""{"writes":[{{writes}}]}"""), ErrorCode.TransactionTooLarge);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Post, "/v1/transact", """{"reads":[{"keyspace":"default","key":"a"}]}"""), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Transactions.Calls);
    }

    [Fact]
    public async Task A_repeated_commit_gives_the_original_answer_and_another_one_is_422()
    {
        async Task<string> BeginAsync() => (await ApiServer.ReadJsonAsync(await _server.SendAsync(HttpMethod.Post, "/v1/txn"))).GetProperty("id").GetString()!;
        var (id, other) = (await BeginAsync(), await BeginAsync());
        await _server.SendAsync(HttpMethod.Put, $"/v1/txn/{id}/kv/default/a", request => request.Content = new StringContent("x"));
        var first = await SendAsync(HttpMethod.Post, $"/v1/txn/{id}/commit", body: null);
        Assert.Equal(Key, _server.Transactions.LastStamp!.Key);
        var again = await SendAsync(HttpMethod.Post, $"/v1/txn/{id}/commit", body: null);
        Assert.True(IsReplay(again));
        Assert.Equal((await ApiServer.ReadJsonAsync(first)).GetRawText(), (await ApiServer.ReadJsonAsync(again)).GetRawText());
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Post, $"/v1/txn/{other}/commit", body: null), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task A_repeated_creation_of_a_keyspace_is_201_again()
    {
        const string Body = """{"retention":"2h"}""";
        Assert.False(IsReplay(await SendAsync(HttpMethod.Put, "/v1/keyspaces/orders", Body)));
        var again = await SendAsync(HttpMethod.Put, "/v1/keyspaces/orders", Body);
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.True(IsReplay(again));
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/keyspaces/orders", """{"retention":"3h"}"""), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task Repeated_changes_of_a_keyspace_give_the_original_answer()
    {
        await SendAsync(HttpMethod.Put, "/v1/keyspaces/orders", "{}", key: "put");
        var first = await SendAsync(HttpMethod.Patch, "/v1/keyspaces/orders", """{"retention":"2h"}""", key: "patch");
        await SendAsync(HttpMethod.Patch, "/v1/keyspaces/orders", """{"retention":"3h"}""", key: "patch again");
        var again = await SendAsync(HttpMethod.Patch, "/v1/keyspaces/orders", """{"retention":"2h"}""", key: "patch");
        Assert.True(IsReplay(again));
        Assert.Equal((await ApiServer.ReadJsonAsync(first)).GetRawText(), (await ApiServer.ReadJsonAsync(again)).GetRawText());
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=orders", body: null, key: "delete")).StatusCode);
        var deleted = await SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=orders", body: null, key: "delete");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.True(IsReplay(deleted));
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Delete, "/v1/keyspaces/orders?confirm=orders", body: null, key: "delete again"), ErrorCode.KeyspaceNotFound);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private static bool IsReplay(HttpResponseMessage response) =>
        response.Headers.TryGetValues(IdempotencyKey.ReplayHeader, out var values) && Assert.Single(values) == "true";

    private Task<HttpResponseMessage> PutTypedAsync(string path, string value, string contentType, string? ifMatch) => _server.SendAsync(HttpMethod.Put, path, request =>
    {
        request.Content = new StringContent(value, new System.Net.Http.Headers.MediaTypeHeaderValue(contentType));
        request.Headers.Add("Idempotency-Key", Key);
        if (ifMatch is not null)
            request.Headers.Add("If-Match", ifMatch);
    });

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body = null, string key = Key, Action<HttpRequestMessage>? with = null) =>
        _server.SendAsync(method, path, request =>
        {
            if (body is not null)
                request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            request.Headers.Add("Idempotency-Key", key);
            with?.Invoke(request);
        });
}

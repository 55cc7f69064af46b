using System.Net;
using System.Net.Http.Headers;
using System.Text;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Api.Tests.Eventual;

public sealed class EventualKeysTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_value_comes_back_with_version_media_type_and_context()
    {
        var put = await PutAsync("/v1/kv/cache/a/b", "hello");
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        var context = Header(put, "GrainDb-Context");

        var read = await GetAsync("/v1/kv/cache/a/b");

        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal("hello", await TextAsync(read));
        Assert.Equal("text/plain", read.Content.Headers.ContentType!.MediaType);
        Assert.Equal(put.Headers.ETag, read.Headers.ETag);
        Assert.Equal($"\"{Header(put, KeyHeaders.CommitTimestamp)}\"", read.Headers.ETag!.Tag);
        Assert.Equal(context, Header(read, "GrainDb-Context"));
        Assert.Equal("region=local, range=17, node=node1, role=coordinator", Header(read, KeyHeaders.ServedBy));
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task Concurrent_values_are_300_with_all_of_them_and_a_write_with_the_context_resolves()
    {
        await PutAsync("/v1/kv/cache/k", "a");
        await PutAsync("/v1/kv/cache/k", """{"b":1}""", mediaType: "application/json");

        var read = await GetAsync("/v1/kv/cache/k");
        Assert.Equal(HttpStatusCode.MultipleChoices, read.StatusCode);
        Assert.Null(read.Headers.Location);
        Assert.Null(read.Headers.ETag);
        var body = await ApiServer.ReadJsonAsync(read);
        var siblings = body.GetProperty("siblings").EnumerateArray().ToList();
        Assert.Equal("a", siblings[0].GetProperty("value").GetString());
        Assert.Equal(1, siblings[1].GetProperty("json").GetProperty("b").GetInt32());
        Assert.All(siblings, sibling => Assert.Matches("^[0-9a-f]{16}$", sibling.GetProperty("version").GetString()));
        Assert.Equal(2, siblings.Select(sibling => sibling.GetProperty("dot").GetString()).Distinct().Count());
        var context = body.GetProperty("context").GetString()!;
        Assert.Equal(context, Header(read, "GrainDb-Context"));

        Assert.Equal(HttpStatusCode.OK, (await PutAsync("/v1/kv/cache/k", "decided", context)).StatusCode);

        var after = await GetAsync("/v1/kv/cache/k");
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        Assert.Equal("decided", await TextAsync(after));
    }

    [Fact]
    public async Task HEAD_says_300_without_a_body()
    {
        await PutAsync("/v1/kv/cache/k", "a");
        await PutAsync("/v1/kv/cache/k", "b");
        var head = await _server.SendAsync(HttpMethod.Head, "/v1/kv/cache/k");
        Assert.Equal(HttpStatusCode.MultipleChoices, head.StatusCode);
        Assert.NotEmpty(Header(head, "GrainDb-Context"));
    }

    [Fact]
    public async Task What_nobody_wrote_is_404_without_a_context_and_what_was_deleted_with_one()
    {
        var never = await GetAsync("/v1/kv/cache/k");
        await Problems.AssertIsAsync(never, ErrorCode.KeyNotFound);
        Assert.False(never.Headers.Contains("GrainDb-Context"));
        var put = await PutAsync("/v1/kv/cache/k", "a");

        var deletion = await _server.SendAsync(HttpMethod.Delete, "/v1/kv/cache/k", request => request.Headers.Add("GrainDb-Context", Header(put, "GrainDb-Context")));

        Assert.Equal(HttpStatusCode.NoContent, deletion.StatusCode);
        var deleted = await GetAsync("/v1/kv/cache/k");
        await Problems.AssertIsAsync(deleted, ErrorCode.KeyNotFound);
        Assert.Equal(Header(deletion, "GrainDb-Context"), Header(deleted, "GrainDb-Context"));
    }

    [Fact]
    public async Task What_has_expired_is_404()
    {
        await PutAsync("/v1/kv/cache/k?ttl=60s", "a");
        Assert.Equal(TimeSpan.FromSeconds(60), _server.Eventual.LastWrite!.TimeToLive);
    }

    [Fact]
    public async Task A_reader_that_has_the_version_is_told_so()
    {
        var put = await PutAsync("/v1/kv/cache/k", "a");
        var same = await _server.SendAsync(HttpMethod.Get, "/v1/kv/cache/k", request => request.Headers.IfNoneMatch.Add(put.Headers.ETag!));
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        await PutAsync("/v1/kv/cache/k", "b");
        Assert.Equal(
            HttpStatusCode.MultipleChoices,
            (await _server.SendAsync(HttpMethod.Get, "/v1/kv/cache/k", request => request.Headers.IfNoneMatch.Add(put.Headers.ETag!))).StatusCode);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/kv/cache/k", request => request.Headers.IfMatch.Add(put.Headers.ETag!)), ErrorCode.VersionMismatch);
    }

    [Theory]
    [InlineData("one", EventualLevelKind.One, 0)]
    [InlineData("quorum", EventualLevelKind.Quorum, 0)]
    [InlineData("all", EventualLevelKind.All, 0)]
    [InlineData("r=2", EventualLevelKind.Count, 2)]
    public async Task A_read_waits_for_as_many_replicas_as_it_says(string level, EventualLevelKind kind, int count)
    {
        await GetAsync($"/v1/kv/cache/k?consistency={level}");
        Assert.Equal(new EventualLevel(kind, count), _server.Eventual.LastLevel);
        await _server.SendAsync(HttpMethod.Get, "/v1/kv/cache/k", request => request.Headers.Add("GrainDb-Consistency", level));
        Assert.Equal(new EventualLevel(kind, count), _server.Eventual.LastLevel);
    }

    [Fact]
    public async Task A_write_waits_for_as_many_replicas_as_it_says()
    {
        await PutAsync("/v1/kv/cache/k?consistency=w%3D3", "a");
        Assert.Equal(EventualLevel.Of(3), _server.Eventual.LastLevel);
        await PutAsync("/v1/kv/cache/k", "a");
        Assert.Equal(EventualLevel.Quorum, _server.Eventual.LastLevel);
    }

    [Theory]
    [InlineData("GET", "linearizable", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "session", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "eventual", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "bounded;max-staleness-ms=5", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "w=1", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "r=4", ErrorCode.UnsupportedForFamily)]
    [InlineData("GET", "r=0", ErrorCode.InvalidRequest)]
    [InlineData("GET", "r=two", ErrorCode.InvalidRequest)]
    [InlineData("GET", "most", ErrorCode.InvalidRequest)]
    [InlineData("PUT", "r=1", ErrorCode.UnsupportedForFamily)]
    [InlineData("PUT", "w=4", ErrorCode.UnsupportedForFamily)]
    [InlineData("PUT", "w=99999999999", ErrorCode.InvalidRequest)]
    [InlineData("DELETE", "session", ErrorCode.UnsupportedForFamily)]
    public async Task Levels_that_do_not_exist_here_are_refused(string method, string level, ErrorCode code)
    {
        var response = await _server.SendAsync(new HttpMethod(method), "/v1/kv/cache/k", request => request.Headers.Add("GrainDb-Consistency", level));
        await Problems.AssertIsAsync(response, code);
        Assert.Equal(0, _server.Eventual.Calls);
    }

    [Theory]
    [InlineData("%", "position 0")]
    [InlineData("AAAA", "checksum")]
    [InlineData("A", "whole encoding")]
    public async Task A_context_that_is_none_is_named(string context, string why)
    {
        var problem = await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "a", context), ErrorCode.InvalidRequest);
        Assert.StartsWith("GrainDb-Context", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains(why, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Eventual.Calls);
    }

    [Fact]
    public async Task A_context_that_is_too_long_is_refused_unread() =>
        await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "a", new string('A', 6000)), ErrorCode.InvalidRequest);

    [Theory]
    [InlineData("PUT", "/v1/kv/cache/k", "If-Match", "*")]
    [InlineData("PUT", "/v1/kv/cache/k", "If-None-Match", "*")]
    [InlineData("DELETE", "/v1/kv/cache/k", "If-Match", "*")]
    [InlineData("GET", "/v1/kv/cache/k?asOf=00000000000000ff", null, null)]
    [InlineData("GET", "/v1/kv/counters/k", null, null)]
    [InlineData("PUT", "/v1/kv/counters/k", null, null)]
    public async Task What_an_eventual_keyspace_does_not_offer_is_refused(string method, string path, string? header, string? value)
    {
        var response = await _server.SendAsync(new HttpMethod(method), path, request =>
        {
            if (header is not null)
                request.Headers.TryAddWithoutValidation(header, value);
        });
        await Problems.AssertIsAsync(response, ErrorCode.UnsupportedForFamily);
        Assert.Equal(0, _server.Eventual.Calls);
    }

    [Fact]
    public async Task A_failed_write_says_who_has_it()
    {
        _server.Eventual.Votes = [new("node1", EventualReply.Ok, "", IsStale: false), new("node2", EventualReply.Hinted, "", IsStale: false), new("node3", EventualReply.Timeout, "", IsStale: false)];
        _server.Eventual.NextFailure = Failure.Unknown(ErrorCode.OutcomeUnknown, "1 of the replicas has it.");
        var response = await PutAsync("/v1/kv/cache/k", "a");
        await Problems.AssertIsAsync(response, ErrorCode.OutcomeUnknown);
        Assert.Equal("node1=ok, node2=hinted, node3=timeout", Header(response, KeyHeaders.Replicas));
        Assert.False(response.Headers.Contains("GrainDb-Context"));
    }

    [Fact]
    public async Task A_key_with_too_many_siblings_is_a_conflict()
    {
        _server.Eventual.NextFailure = Failure.NotApplied(ErrorCode.TooManySiblings, "the key has 32 concurrent values");
        await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "a"), ErrorCode.TooManySiblings);
    }

    [Fact]
    public async Task An_explained_read_has_what_each_replica_said()
    {
        await PutAsync("/v1/kv/cache/k", "abc");
        _server.Eventual.Votes = [new("node1", EventualReply.Ok, "[7:1]", IsStale: false), new("node2", EventualReply.NeedsRepair, "", IsStale: true)];
        var explained = await _server.GetJsonAsync("/v1/kv/cache/k?explain=true&consistency=r%3D1");
        Assert.Equal("r=1", explained.GetProperty("level").GetString());
        Assert.Equal(1, explained.GetProperty("needed").GetInt32());
        Assert.True(explained.GetProperty("found").GetBoolean());
        Assert.Equal(3, explained.GetProperty("values")[0].GetProperty("bytes").GetInt32());
        Assert.Equal("coordinator", explained.GetProperty("servedBy").GetProperty("role").GetString());
        Assert.Equal("""[{"node":"node1","reply":"ok","clock":"[7:1]","stale":false},{"node":"node2","reply":"needsRepair","clock":null,"stale":true}]""", explained.GetProperty("replicas").GetRawText());
        Assert.True(explained.GetProperty("repairTriggered").GetBoolean());
    }

    [Fact]
    public async Task An_explained_write_has_what_each_replica_said()
    {
        _server.Eventual.Votes = [new("node1", EventualReply.Ok, "", IsStale: false), new("node2", EventualReply.Hinted, "", IsStale: false)];
        var explained = await ApiServer.ReadJsonAsync(await PutAsync("/v1/kv/cache/k?explain=true", "a"));
        Assert.Equal(2, explained.GetProperty("needed").GetInt32());
        Assert.Equal("hinted", explained.GetProperty("replicas")[1].GetProperty("reply").GetString());
        Assert.NotEmpty(explained.GetProperty("dot").GetString()!);
        Assert.NotEmpty(explained.GetProperty("context").GetString()!);
    }

    [Fact]
    public async Task A_repeated_write_is_given_its_first_answer()
    {
        var first = await PutAsync("/v1/kv/cache/k", "a", idempotencyKey: "once");
        var second = await PutAsync("/v1/kv/cache/k", "a", idempotencyKey: "once");
        Assert.Equal(first.Headers.ETag, second.Headers.ETag);
        Assert.Equal("true", Header(second, "GrainDb-Idempotent-Replay"));
        await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "b", idempotencyKey: "once"), ErrorCode.IdempotencyMismatch);
        await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "a", Header(first, "GrainDb-Context"), "once"), ErrorCode.IdempotencyMismatch);
    }

    [Fact]
    public async Task A_keyspace_that_cannot_be_found_out_is_unavailable_and_nothing_is_done()
    {
        _server.Directory.NextException = new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, "the meta range did not answer"));
        await Problems.AssertIsAsync(await PutAsync("/v1/kv/cache/k", "a"), ErrorCode.Unavailable);
        await Problems.AssertIsAsync(await GetAsync("/v1/kv/unknown/k"), ErrorCode.KeyspaceNotFound);
        Assert.Equal(0, _server.Eventual.Calls + _server.Store.Calls);
    }

    [Fact]
    public async Task A_batch_may_mix_families()
    {
        await PutAsync("/v1/kv/cache/two", "a");
        await PutAsync("/v1/kv/cache/two", "b");
        const string Body = """
            {"ops":[
              {"put":{"keyspace":"cache","key":"k","value":"v"}},
              {"get":{"keyspace":"cache","key":"k"}},
              {"put":{"keyspace":"default","key":"k","value":"v"}},
              {"get":{"keyspace":"cache","key":"two"}},
              {"delete":{"keyspace":"cache","key":"k"}},
              {"get":{"keyspace":"cache","key":"k"}},
              {"put":{"keyspace":"cache","key":"k","value":"v","ifNoneMatch":"*"}},
              {"put":{"keyspace":"default","key":"k","value":"v","context":"x"}},
              {"put":{"keyspace":"cache","key":"k","value":"v","context":"x"}},
              {"get":{"keyspace":"counters","key":"k"}},
              {"get":{"keyspace":"unknown","key":"k"}}]}
            """;
        var results = (await ApiServer.ReadJsonAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/batch", Body))).GetProperty("results").EnumerateArray().ToList();
        Assert.Equal([201, 200, 201, 300, 204, 404, 400, 400, 400, 400, 404], results.Select(result => result.GetProperty("status").GetInt32()));
        Assert.Equal("v", results[1].GetProperty("value").GetString());
        Assert.NotEmpty(results[1].GetProperty("context").GetString()!);
        Assert.Equal(2, results[3].GetProperty("siblings").GetArrayLength());
        Assert.Equal("unsupported_for_family", results[6].GetProperty("code").GetString());
        Assert.Equal("unsupported_for_family", results[7].GetProperty("code").GetString());
        Assert.Equal("invalid_request", results[8].GetProperty("code").GetString());
        Assert.Equal("unsupported_for_family", results[9].GetProperty("code").GetString());
        Assert.Equal("keyspace_not_found", results[10].GetProperty("code").GetString());
    }

    private Task<HttpResponseMessage> GetAsync(string path) => _server.SendAsync(HttpMethod.Get, path);

    private Task<HttpResponseMessage> PutAsync(string path, string value, string? context = null, string? idempotencyKey = null, string mediaType = "text/plain") =>
        _server.SendAsync(HttpMethod.Put, path, request =>
        {
            request.Content = new StringContent(value, Encoding.UTF8, new MediaTypeHeaderValue(mediaType));
            if (context is not null)
                request.Headers.TryAddWithoutValidation("GrainDb-Context", context);
            if (idempotencyKey is not null)
                request.Headers.Add("Idempotency-Key", idempotencyKey);
        });

    private static string Header(HttpResponseMessage response, string name) => Assert.Single(response.Headers.GetValues(name));

    private static Task<string> TextAsync(HttpResponseMessage response) => response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}

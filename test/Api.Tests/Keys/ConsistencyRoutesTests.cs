using System.Net;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Api.Tests.Keys;

/// <summary>Levels, session tokens, and what an answer says of the replicas behind it.</summary>
public sealed class ConsistencyRoutesTests : IAsyncLifetime
{
    private static readonly ServedBy Follower = new("eu", new RangeId(19), "node1", ReplicaRole.Follower);

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("linearizable", ReadLevel.Linearizable)]
    [InlineData("session", ReadLevel.Session)]
    [InlineData("bounded;max-staleness-ms=5;fallback=none", ReadLevel.Bounded)]
    [InlineData("eventual", ReadLevel.Eventual)]
    public async Task A_read_s_level_reaches_the_store_from_header_and_parameter(string choice, ReadLevel level)
    {
        await PutAsync();
        foreach (var path in new[] { "/v1/kv/default/a", "/v1/kv/default?key64=YQ", "/v1/kv/default?prefix=a" })
        {
            await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Get, path, choice));
            Assert.Equal(level, _server.Store.LastConsistency.Level);
            await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Get, "/v1/kv/default/a"));
            Assert.Equal(ReadConsistency.Linearizable, _server.Store.LastConsistency);
            var query = $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}consistency={Uri.EscapeDataString(choice)}";
            await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Get, query, choice));
            await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Get, query));
            Assert.Equal(level, _server.Store.LastConsistency.Level);
            Assert.Equal(level == ReadLevel.Bounded, _server.Store.LastConsistency.LocalOnly);
        }

        await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Head, "/v1/kv/default/a", choice));
        Assert.Equal(level, _server.Store.LastConsistency.Level);
        await ExpectAsync(HttpStatusCode.OK, SendAsync(HttpMethod.Get, "/v1/history/default/a", choice));
    }

    [Theory]
    [InlineData(null, WriteLevel.Quorum)]
    [InlineData("quorum", WriteLevel.Quorum)]
    [InlineData("all", WriteLevel.All)]
    public async Task A_write_s_level_reaches_the_store(string? choice, WriteLevel level)
    {
        await ExpectAsync(HttpStatusCode.Created, SendAsync(HttpMethod.Put, "/v1/kv/default/a", choice));
        Assert.Equal(level, _server.Store.LastLevel);
        await ExpectAsync(HttpStatusCode.NoContent, SendAsync(HttpMethod.Delete, $"/v1/kv/default/a{(choice is null ? "" : $"?consistency={choice}")}"));
        Assert.Equal(level, _server.Store.LastLevel);
    }

    [Fact]
    public async Task What_a_method_does_not_offer_never_reaches_the_store()
    {
        foreach (var choice in new[] { "session", "bounded;max-staleness-ms=5", "one" })
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/kv/default/a", choice), ErrorCode.UnsupportedForFamily);
        foreach (var choice in new[] { "all", "quorum", "r=2" })
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a", choice), ErrorCode.UnsupportedForFamily);
        foreach (var query in new[] { "consistency=session&consistency=session", "consistency=", "consistency=bounded", "consistency=bounded%3Bmax-staleness-ms%3Dx" })
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, $"/v1/kv/default/a?{query}"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a?consistency=session", "eventual"), ErrorCode.InvalidRequest);
        await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a", "all"), ErrorCode.UnsupportedForFamily);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_session_reads_what_it_has_seen()
    {
        var written = await SendAsync(HttpMethod.Put, "/v1/kv/default/a");
        var token = Header(written, KeyHeaders.Session);
        await SendAsync(HttpMethod.Get, "/v1/kv/default/a", "session", token);
        Assert.Equal(Header(written, KeyHeaders.CommitTimestamp), _server.Store.LastConsistency.Seen.ToString());
        await SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a", "session", token);
        Assert.Equal(Header(written, KeyHeaders.CommitTimestamp), _server.Store.LastConsistency.Seen.ToString());
        await SendAsync(HttpMethod.Get, "/v1/kv/default/a", "eventual", token);
        Assert.Equal(Timestamp.Zero, _server.Store.LastConsistency.Seen);
    }

    [Fact]
    public async Task A_session_without_a_token_begins_with_its_first_answer()
    {
        var read = await SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a", "session");
        Assert.Equal(new ReadConsistency(ReadLevel.Session, default, default, LocalOnly: false), _server.Store.LastConsistency);
        Assert.Equal(Header(read, KeyHeaders.ReadTimestamp), SessionToken.Parse(Header(read, KeyHeaders.Session)).ToString());
    }

    [Fact]
    public async Task A_token_is_lifted_by_every_answer_and_never_lowered()
    {
        var low = SessionToken.Format(new Timestamp(1));
        var high = SessionToken.Format(Timestamp.Max);
        var body = """{"ops":[{"put":{"keyspace":"default","key":"a","value":"x"}}]}""";
        foreach (var (method, path) in new[] { ("PUT", "kv/default/a"), ("GET", "kv/default/a"), ("HEAD", "kv/default/a"), ("GET", "kv/default?prefix=a"), ("DELETE", "kv/default/a"), ("POST", "batch") })
        {
            Assert.True(SessionToken.Parse(Header(await AskAsync(method, path, low), KeyHeaders.Session)) > new Timestamp(1), path);
            Assert.Equal(high, Header(await AskAsync(method, path, high), KeyHeaders.Session));
        }

        // Also a key that is not there was seen not to be there.
        Assert.NotEmpty(Header(await AskAsync("GET", "kv/default/none", low), KeyHeaders.Session));

        Task<HttpResponseMessage> AskAsync(string method, string path, string token) => _server.SendAsync(new HttpMethod(method), $"/v1/{path}", request =>
        {
            request.Headers.Add(KeyRequest.SessionHeader, token);
            if (method is "PUT" or "POST")
                request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        });
    }

    [Fact]
    public async Task A_malformed_token_is_refused_everywhere()
    {
        foreach (var token in new[] { "", "abc", "AAAAAAAAAAAAAAAA", $"{SessionToken.Format(new Timestamp(1))}A" })
        {
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a", "session", token), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default?prefix=a", null, token), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Put, "/v1/kv/default/a", null, token), ErrorCode.InvalidRequest);
            await Problems.AssertIsAsync(await SendAsync(HttpMethod.Delete, "/v1/kv/default/a", null, token), ErrorCode.InvalidRequest);
        }

        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_follower_s_answer_says_so_and_how_old_it_may_be()
    {
        await PutAsync();
        _server.Store.Serving = (Follower, TimeSpan.FromMilliseconds(12.1));
        foreach (var path in new[] { "/v1/kv/default/a", "/v1/kv/default?prefix=a", "/v1/kv/default/none" })
        {
            var read = await SendAsync(HttpMethod.Get, path, "eventual");
            Assert.Equal("13", Header(read, KeyHeaders.StalenessMs));
            Assert.Equal("region=eu, range=19, node=node1, role=follower", Header(read, KeyHeaders.ServedBy));
            Assert.True(Timestamp.TryParse(Header(read, KeyHeaders.ReadTimestamp), out _));
        }

        // That nobody knows how old it may be is not that it is new.
        _server.Store.Serving = (Follower, null);
        Assert.False((await SendAsync(HttpMethod.Get, "/v1/kv/default/a", "eventual")).Headers.Contains(KeyHeaders.StalenessMs));
        Assert.Equal(JsonValueKind.Null, (await _server.GetJsonAsync("/v1/kv/default/a?consistency=eventual&explain=true")).GetProperty("stalenessMs").ValueKind);

        _server.Store.Serving = (Follower with { Role = ReplicaRole.Leader }, null);
        Assert.Equal("0", Header(await SendAsync(HttpMethod.Get, "/v1/kv/default/a"), KeyHeaders.StalenessMs));
    }

    [Fact]
    public async Task A_write_names_what_each_replica_said_and_succeeds_without_the_slow_one()
    {
        Assert.False((await SendAsync(HttpMethod.Put, "/v1/kv/default/a")).Headers.Contains(KeyHeaders.Replicas));
        _server.Store.Votes = Votes;
        var put = await SendAsync(HttpMethod.Put, "/v1/kv/default/a", "all");
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        Assert.Equal("node1=ok, node2=error, node3=timeout", Header(put, KeyHeaders.Replicas));
        Assert.Equal("node1=ok, node2=error, node3=timeout", Header(await SendAsync(HttpMethod.Delete, "/v1/kv/default/a"), KeyHeaders.Replicas));
    }

    [Fact]
    public async Task A_read_that_no_replica_may_serve_is_503()
    {
        _server.Store.NextFailure = Failure.NotApplied(ErrorCode.Unavailable, "closed 80 ms ago");
        var problem = await Problems.AssertIsAsync(await SendAsync(HttpMethod.Get, "/v1/kv/default/a", "bounded;max-staleness-ms=5;fallback=none"), ErrorCode.Unavailable);
        Assert.Equal("closed 80 ms ago", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_write_explains_itself()
    {
        _server.Store.Votes = Votes;
        var put = await SendAsync(HttpMethod.Put, "/v1/kv/default/a?explain=true", "all");
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        var version = Header(put, KeyHeaders.CommitTimestamp);
        Assert.Equal($"\"{version}\"", put.Headers.ETag!.Tag);
        Assert.Equal(
            $$"""{"level":"all","version":"{{version}}","existed":false,"servedBy":{"region":"local","range":17,"node":"node1","role":"leader"}"""
            + ""","replicas":[{"node":"node1","reply":"ok","lsn":42},{"node":"node2","reply":"error","lsn":41},{"node":"node3","reply":"timeout","lsn":null}]}""",
            (await ApiServer.ReadJsonAsync(put)).GetRawText());
        Assert.Equal("x", await (await SendAsync(HttpMethod.Get, "/v1/kv/default/a")).Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        await Problems.AssertIsAsync(
            await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/a?explain=true", request => request.Headers.Add("If-None-Match", "*")), ErrorCode.VersionMismatch);
    }

    [Fact]
    public async Task A_read_explains_itself_with_every_replica()
    {
        var version = Header(await PutAsync(), KeyHeaders.CommitTimestamp);
        _server.Store.Serving = (Follower, TimeSpan.FromMilliseconds(7));
        var read = await SendAsync(HttpMethod.Get, "/v1/kv/default/a?explain=true", "session");
        Assert.Equal("7", Header(read, KeyHeaders.StalenessMs));
        Assert.Null(read.Headers.ETag);
        var explained = await ApiServer.ReadJsonAsync(read);
        Assert.Equal(
            """{"level":"session","found":true"""
            + $$""","version":"{{version}}","contentType":"application/octet-stream","servedBy":{"region":"eu","range":19,"node":"node1","role":"follower"}"""
            + $$""","readTimestamp":"{{Header(read, KeyHeaders.ReadTimestamp)}}","stalenessMs":7,"leader":"node2","epoch":9,"replicas":["""
            + """{"node":"node1","id":"00000000-0000-0000-0000-000000000001","role":"follower","state":"member","lsn":40,"applied":39,"lag":2,"detail":null},"""
            + """{"node":"node2","id":"00000000-0000-0000-0000-000000000002","role":"leader","state":"member","lsn":42,"applied":41,"lag":0,"detail":null},"""
            + """{"node":"node3","id":null,"role":"follower","state":"unreachable","lsn":0,"applied":0,"lag":0,"detail":"the node does not answer"}],"replicasDetail":null}""",
            explained.GetRawText());
    }

    [Fact]
    public async Task An_absent_key_is_explained_too()
    {
        var explained = await _server.GetJsonAsync("/v1/kv/default?key64=YQ&explain=true");
        Assert.False(explained.GetProperty("found").GetBoolean());
        Assert.Equal(JsonValueKind.Null, explained.GetProperty("version").ValueKind);
        Assert.Equal("linearizable", explained.GetProperty("level").GetString());
    }

    [Fact]
    public async Task A_read_is_explained_also_when_its_replicas_cannot_be_asked()
    {
        await PutAsync();
        _server.Cluster.NextException = new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, "the meta range cannot be read"));
        var explained = await _server.GetJsonAsync("/v1/kv/default/a?explain=true");
        Assert.True(explained.GetProperty("found").GetBoolean());
        Assert.Equal(0, explained.GetProperty("replicas").GetArrayLength());
        Assert.Equal("the meta range cannot be read", explained.GetProperty("replicasDetail").GetString());

        _server.Cluster.Gate = new TaskCompletionSource().Task;
        using var late = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a?explain=true", request => request.Headers.Add("GrainDb-Timeout", "50ms"));
        Assert.Equal("The replicas did not answer in time.", (await ApiServer.ReadJsonAsync(late)).GetProperty("replicasDetail").GetString());
    }

    [Fact]
    public async Task Explaining_is_refused_where_it_is_not_offered()
    {
        foreach (var (method, path) in new[] { ("GET", "kv/default?prefix=a&explain=true"), ("DELETE", "kv/default/a?explain=true"), ("GET", "history/default/a?explain=true"), ("POST", "batch?explain=true") })
            await Problems.AssertIsAsync(await SendAsync(new HttpMethod(method), $"/v1/{path}"), ErrorCode.InvalidRequest);
        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(HttpMethod.Head, "/v1/kv/default/a?explain=true")).StatusCode);
        await Problems.AssertIsAsync(
            await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a?explain=true", request => request.Headers.Add("If-None-Match", "*")), ErrorCode.InvalidRequest);
        Assert.Equal(0, _server.Store.Calls);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync(HttpMethod.Delete, "/v1/kv/default/a?explain=false")).StatusCode);
    }

    private static IReadOnlyList<ReplicaVote> Votes =>
    [
        new ReplicaVote("node1", ReplicaReply.Ok, new Lsn(42)),
        new ReplicaVote("node2", ReplicaReply.Error, new Lsn(41)),
        new ReplicaVote("node3", ReplicaReply.Timeout, default),
    ];

    private static string Header(HttpResponseMessage response, string name) => string.Join(", ", response.Headers.GetValues(name));

    private static async Task ExpectAsync(HttpStatusCode status, Task<HttpResponseMessage> response) => Assert.Equal(status, (await response).StatusCode);

    private Task<HttpResponseMessage> PutAsync() => SendAsync(HttpMethod.Put, "/v1/kv/default/a");

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? consistency = null, string? token = null) => _server.SendAsync(method, path, request =>
    {
        if (consistency is not null)
            request.Headers.Add(Consistency.Header, consistency);
        if (token is not null)
            request.Headers.Add(KeyRequest.SessionHeader, token);
        if (method == HttpMethod.Put)
            request.Content = new ByteArrayContent("x"u8.ToArray());
    });
}

using System.Net;
using System.Text;
using GrainDb.Api.Tests.Changes;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Api.Tests.Sagas;

/// <summary>The routes of sagas over a store that does what a test says.</summary>
public sealed class SagaRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_start_is_202_with_the_saga_and_its_place()
    {
        using var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas", """{"id":"s-1","definition":"made","version":2,"input":{"n":1.50}}""");

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("/v1/sagas/s-1", response.Headers.Location!.OriginalString);
        Assert.False(response.Headers.Contains("GrainDb-Idempotent-Replay"));
        Assert.Equal(("s-1", "made", 2, """{"n":1.50}"""), (_server.Sagas.LastStart!.Id, _server.Sagas.LastStart.Definition, _server.Sagas.LastStart.Version, Text(_server.Sagas.LastStart.Input)));
        var saga = await ApiServer.ReadJsonAsync(response);
        Assert.Equal("running", saga.GetProperty("status").GetString());
        Assert.Equal("2026-01-01T00:00:00.000Z", saga.GetProperty("startedAt").GetString());
        Assert.Equal(1.50m, saga.GetProperty("input").GetProperty("n").GetDecimal());
        Assert.False(saga.TryGetProperty("endedAt", out _));
    }

    [Fact]
    public async Task A_start_without_an_id_gets_one_and_with_a_key_always_the_same()
    {
        var ids = new List<string>();
        foreach (var key in new[] { null, null, "once", "once", "twice" })
        {
            using var response = await _server.SendAsync(HttpMethod.Post, "/v1/sagas", request =>
            {
                if (key is not null)
                    request.Headers.Add("Idempotency-Key", key);
                request.Content = new StringContent("""{"definition":"made"}""", Encoding.UTF8, "application/json");
            });
            Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
            ids.Add(_server.Sagas.LastStart!.Id);
        }

        Assert.Equal(ids[2], ids[3]);
        Assert.Equal(4, ids.Distinct().Count());
        Assert.Equal("null", Text(_server.Sagas.LastStart!.Input));
    }

    [Fact]
    public async Task A_start_that_was_made_before_says_so()
    {
        _server.Sagas.IsRepeated = true;

        using var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas", """{"id":"s-1","definition":"made"}""");

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal("true", response.Headers.GetValues("GrainDb-Idempotent-Replay").Single());
    }

    [Theory]
    [InlineData("""{"id":"s-1"}""")]
    [InlineData("""{"id":"s-1","definition":"made","version":0}""")]
    [InlineData("""{"id":"s-1","definition":"made","versoin":1}""")]
    [InlineData("[]")]
    [InlineData("")]
    public async Task A_start_that_says_too_little_or_something_unknown_is_refused(string body)
    {
        using var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas", body);

        await Problems.AssertIsAsync(response, ErrorCode.InvalidRequest);
        Assert.Null(_server.Sagas.LastStart);
    }

    [Theory]
    [InlineData("/v1/sagas", "{\"id\":\"s-1\",\"definition\":\"made\",\"input\":\"?\"}")]
    [InlineData("/v1/sagas/s-1/signals/go", "\"?\"")]
    [InlineData("/v1/sagas/s-1/steps/one/skip", "{\"reason\":\"r\",\"output\":\"?\"}")]
    public async Task Text_that_is_none_is_refused_before_it_is_kept(string path, string body)
    {
        var bytes = Encoding.ASCII.GetBytes(body).Select(value => value == (byte)'?' ? (byte)0xFF : value).ToArray();

        using var response = await _server.SendAsync(HttpMethod.Post, path, request =>
        {
            request.Content = new ByteArrayContent(bytes);
            request.Content.Headers.ContentType = new("application/json");
        });

        await Problems.AssertIsAsync(response, ErrorCode.InvalidRequest);
        Assert.Null(_server.Sagas.LastStart);
        Assert.Null(_server.Sagas.LastCommand);
    }

    [Theory]
    [InlineData(ErrorCode.IdempotencyMismatch)]
    [InlineData(ErrorCode.SagaDefinitionNotFound)]
    [InlineData(ErrorCode.Unavailable)]
    [InlineData(ErrorCode.OutcomeUnknown)]
    public async Task What_the_store_refuses_is_told(ErrorCode code)
    {
        _server.Sagas.NextFailure = Failure.NotApplied(code, "because");

        using var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas", """{"id":"s-1","definition":"made"}""");

        await Problems.AssertIsAsync(response, code);
    }

    [Fact]
    public async Task A_saga_that_has_ended_says_when_and_a_wait_is_handed_on()
    {
        _server.Sagas.Status = "compensated";

        var saga = await _server.GetJsonAsync("/v1/sagas/s-1?wait=30s");

        Assert.Equal(TimeSpan.FromSeconds(30), _server.Sagas.LastWait);
        Assert.Equal("2026-01-01T00:00:01.000Z", saga.GetProperty("endedAt").GetString());
        var step = saga.GetProperty("steps")[0];
        Assert.Equal(("one", "pivot", "scheduled"), (step.GetProperty("name").GetString(), step.GetProperty("kind").GetString(), step.GetProperty("status").GetString()));
        Assert.False(step.TryGetProperty("output", out _));
    }

    [Theory]
    [InlineData("/v1/sagas/s-1?wait=61s")]
    [InlineData("/v1/sagas/s-1?wait=soon")]
    [InlineData("/v1/sagas/s-1?weit=1s")]
    [InlineData("/v1/sagas?olderThan=x")]
    [InlineData("/v1/sagas?limit=0")]
    [InlineData("/v1/sagas/s-1/history?from=-1")]
    [InlineData("/v1/sagas/s-1/events?from=x")]
    public async Task A_query_out_of_bounds_is_refused(string path)
    {
        using var response = await _server.SendAsync(HttpMethod.Get, path);

        await Problems.AssertIsAsync(response, ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_list_hands_its_filters_on()
    {
        var page = await _server.GetJsonAsync("/v1/sagas?status=stuck,running&definition=made&step=one&olderThan=1h&limit=7&cursor=c");

        Assert.Equal("next", page.GetProperty("cursor").GetString());
        Assert.Equal(("s-1", "because"), (page.GetProperty("items")[0].GetProperty("id").GetString(), page.GetProperty("items")[0].GetProperty("reason").GetString()));
        var query = _server.Sagas.LastQuery!;
        Assert.Equal(["stuckForward", "stuckBackward", "running"], query.Statuses);
        Assert.Equal(("made", "one", "c", 7), (query.Definition, query.Step, query.Cursor, query.Limit));
        Assert.InRange(DateTimeOffset.UtcNow - query.StartedBefore!.Value, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
    }

    [Theory]
    [InlineData("cancel", SagaCommandKind.Cancel)]
    [InlineData("pause", SagaCommandKind.Pause)]
    [InlineData("resume", SagaCommandKind.Resume)]
    public async Task What_needs_no_reason_needs_no_body(string action, SagaCommandKind kind)
    {
        using var response = await _server.SendAsync(HttpMethod.Post, $"/v1/sagas/s-1/{action}");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(new SagaCommand(kind, null, "unnamed", "", default), _server.Sagas.LastCommand);
    }

    [Theory]
    [InlineData("close", SagaCommandKind.Close, null)]
    [InlineData("steps/one/retry", SagaCommandKind.Retry, "one")]
    [InlineData("steps/one/skip", SagaCommandKind.Skip, "one")]
    [InlineData("steps/one/mark-undone", SagaCommandKind.MarkUndone, "one")]
    public async Task What_a_person_decides_needs_a_reason_and_has_an_actor(string action, SagaCommandKind kind, string? step)
    {
        using var without = await _server.SendJsonAsync(HttpMethod.Post, $"/v1/sagas/s-1/{action}", "{}");
        await Problems.AssertIsAsync(without, ErrorCode.InvalidRequest);
        Assert.Null(_server.Sagas.LastCommand);

        using var response = await _server.SendAsync(HttpMethod.Post, $"/v1/sagas/s-1/{action}", request =>
        {
            request.Headers.Add("GrainDb-Actor", "ada");
            request.Headers.Add("Idempotency-Key", "k");
            request.Content = new StringContent("""{"reason":"paid by hand"}""", Encoding.UTF8, "application/json");
        });

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(new SagaCommand(kind, step, "ada", "paid by hand", default), _server.Sagas.LastCommand);
        Assert.Equal("k", _server.Sagas.LastStamp!.Key);
    }

    [Fact]
    public async Task A_skip_takes_an_output_and_nothing_else_does()
    {
        using var skipped = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas/s-1/steps/one/skip", """{"reason":"r","actor":"ada","output":{"a":1}}""");
        Assert.Equal(HttpStatusCode.OK, skipped.StatusCode);
        Assert.Equal("""{"a":1}""", Text(_server.Sagas.LastCommand!.Payload));

        using var retried = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas/s-1/steps/one/retry", """{"reason":"r","output":1}""");
        await Problems.AssertIsAsync(retried, ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_signal_brings_its_body()
    {
        using var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/sagas/s-1/signals/paid", "[1]");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal((SagaCommandKind.Signal, "paid", "[1]"), (_server.Sagas.LastCommand!.Kind, _server.Sagas.LastCommand.Target, Text(_server.Sagas.LastCommand.Payload)));
    }

    [Theory]
    [InlineData(ErrorCode.SagaPastPivot)]
    [InlineData(ErrorCode.SagaStateConflict)]
    [InlineData(ErrorCode.SagaNotFound)]
    public async Task A_command_that_is_refused_is_told(ErrorCode code)
    {
        _server.Sagas.NextFailure = Failure.NotApplied(code, "because");

        using var response = await _server.SendAsync(HttpMethod.Post, "/v1/sagas/s-1/cancel");

        await Problems.AssertIsAsync(response, code);
    }

    [Fact]
    public async Task The_history_is_what_is_stored_with_its_numbers()
    {
        _server.Sagas.Publish("""{"event":"started","at":"2026-01-01T00:00:00+00:00","input":{"n":1.50}}""");
        _server.Sagas.Publish("""{"event":"ended","at":"2026-01-01T00:00:01+00:00","status":"completed"}""");

        var history = await _server.GetJsonAsync("/v1/sagas/s-1/history");

        Assert.Equal("""{"sequence":0,"event":"started","at":"2026-01-01T00:00:00+00:00","input":{"n":1.50}}""", history.GetProperty("events")[0].GetRawText());
        Assert.Equal((2, true), (history.GetProperty("next").GetInt32(), history.GetProperty("complete").GetBoolean()));
    }

    [Fact]
    public async Task The_stream_gives_each_event_once_from_the_last_one_seen_and_ends_with_the_saga()
    {
        _server.Sagas.Publish("""{"event":"started"}""");
        _server.Sagas.Publish("""{"event":"stepScheduled","step":"one"}""");
        await using var reader = await EventReader.OpenAsync(_server, "/v1/sagas/s-1/events", request => request.Headers.Add("Last-Event-ID", "0"));

        var second = await reader.NextAsync();
        Assert.Equal(("1", "stepScheduled", "one"), (second.Id, second.Event, second.Data.GetProperty("step").GetString()));

        _server.Sagas.Publish("""{"event":"ended","status":"completed"}""");
        var last = await reader.NextAsync();
        Assert.Equal(("2", "ended"), (last.Id, last.Event));
        Assert.Empty(await reader.ReadCommentsToEndAsync());

        using var again = await _server.SendAsync(HttpMethod.Get, "/v1/sagas/s-1/events", request => request.Headers.Add("Last-Event-ID", "2"));
        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
    }

    [Fact]
    public async Task A_definition_is_handed_on_as_it_came_and_shown_with_name_version_and_hash()
    {
        using var put = await _server.SendJsonAsync(HttpMethod.Put, "/v1/saga-definitions/made/3", """{"steps":[]}""");
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal("/v1/saga-definitions/made/3", put.Headers.Location!.OriginalString);
        Assert.Equal("""{"steps":[]}""", _server.Sagas.LastDefinition);

        var found = await _server.GetJsonAsync("/v1/saga-definitions/made/3");
        Assert.Equal(("made", 3, "00ff", "1h"), (
            found.GetProperty("name").GetString(), found.GetProperty("version").GetInt32(), found.GetProperty("hash").GetString(), found.GetProperty("deadline").GetString()));
        Assert.Equal("one", found.GetProperty("steps")[0].GetProperty("name").GetString());

        var list = await _server.GetJsonAsync("/v1/saga-definitions");
        Assert.Equal("made", list.GetProperty("items")[0].GetProperty("name").GetString());

        _server.Sagas.NextFailure = Failure.NotApplied(ErrorCode.SagaDefinitionExists, "because");
        using var other = await _server.SendJsonAsync(HttpMethod.Put, "/v1/saga-definitions/made/3", """{"steps":[]}""");
        await Problems.AssertIsAsync(other, ErrorCode.SagaDefinitionExists);

        using var wrong = await _server.SendJsonAsync(HttpMethod.Put, "/v1/saga-definitions/made/0", """{"steps":[]}""");
        await Problems.AssertIsAsync(wrong, ErrorCode.InvalidRequest);
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}

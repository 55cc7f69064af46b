using System.Net.Sockets;
using System.Text;
using GrainDb.Api.Changes;
using GrainDb.Api.Tests.Fakes;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Api.Tests.Changes;

public sealed class WatchRoutesTests : IAsyncLifetime
{
    private static readonly ulong Hash = FeedCursor.Hash("default", []);

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stream_begins_now_and_says_so_at_once()
    {
        await using var stream = await EventReader.OpenAsync(_server, "/v1/watch/default");

        var first = await stream.NextAsync();

        Assert.Equal("text/event-stream", stream.Response.Content.Headers.ContentType?.ToString());
        Assert.Equal("no-store", stream.Response.Headers.CacheControl?.ToString());
        Assert.Equal(("progress", FeedCursor.Format(Hash, FakeFeed.Now)), (first.Event, first.Id));
        Assert.Equal(FakeFeed.Now.Timestamp.ToString(), first.Data.GetProperty("resolvedTimestamp").GetString());
        Assert.Equal((null, true), (_server.Feed.LastQuery!.From, _server.Feed.LastQuery.IsConnected));
    }

    [Fact]
    public async Task Changes_are_events_with_the_cursor_behind_them_as_id()
    {
        var transaction = new TransactionId(new Timestamp(77), 5);
        await using var stream = await EventReader.OpenAsync(_server, "/v1/watch/default");
        await stream.NextAsync();
        _server.Feed.Publish(
            FakeFeed.Put(1, "a/1", "two\nlines", previous: new Timestamp(42), transaction: transaction),
            FakeFeed.Put(2, "j", "{\"a\":\n1}", "application/json"),
            FakeFeed.Put(3, "\xff\x00", "\xfe", "application/octet-stream"),
            FakeFeed.Delete(4, "a/1", FakeFeed.PositionOf(1).Timestamp));

        var text = await stream.NextAsync();
        Assert.Equal(("put", FeedCursor.Format(Hash, FakeFeed.PositionOf(1))), (text.Event, text.Id));
        Assert.Equal(
            $$"""{"keyspace":"default","key":"a/1","version":"{{FakeFeed.PositionOf(1).Timestamp}}","prev":"000000000000002a","txnId":"{{transaction}}","contentType":"text/plain","value":"two\nlines"}""",
            text.Data.GetRawText());
        Assert.Equal(1, (await stream.NextAsync()).Data.GetProperty("json").GetProperty("a").GetInt32());
        var binary = (await stream.NextAsync()).Data;
        Assert.Equal(("_wA", "_g"), (binary.GetProperty("key64").GetString(), binary.GetProperty("value64").GetString()));
        var deleted = await stream.NextAsync();
        Assert.Equal("delete", deleted.Event);
        Assert.Equal(
            $$"""{"keyspace":"default","key":"a/1","version":"{{FakeFeed.PositionOf(4).Timestamp}}","prev":"{{FakeFeed.PositionOf(1).Timestamp}}"}""",
            deleted.Data.GetRawText());
    }

    [Fact]
    public async Task The_last_event_id_counts_instead_of_the_address()
    {
        var last = new FeedPosition(new Timestamp(FakeFeed.Now.Timestamp.Value + 9), Delivered: 3, Incarnation: 7);
        await using var stream = await EventReader.OpenAsync(
            _server, "/v1/watch/default?from=2026-01-01T00:00:00Z", request => request.Headers.Add("Last-Event-ID", FeedCursor.Format(Hash, last)));

        Assert.Equal(last, _server.Feed.LastQuery!.From);
    }

    [Fact]
    public async Task A_feed_begins_behind_a_timestamp_a_time_or_a_cursor()
    {
        Assert.Equal(new FeedPosition(new Timestamp(0xabc), 0, 0), await FromAsync("0000000000000abc"));
        Assert.Equal(new FeedPosition(Timestamp.Zero, 0, 0), await FromAsync("0000000000000000"));
        Assert.Equal(
            new FeedPosition(Timestamp.FromParts(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(), ushort.MaxValue), 0, 0),
            await FromAsync("2026-01-01T00:00:00Z"));
        Assert.Equal(FakeFeed.PositionOf(5), await FromAsync(FeedCursor.Format(Hash, FakeFeed.PositionOf(5))));

        async Task<FeedPosition?> FromAsync(string from)
        {
            await using var stream = await EventReader.OpenAsync(_server, $"/v1/watch/default?from={from}");
            return _server.Feed.LastQuery!.From;
        }
    }

    [Theory]
    [InlineData("?prefix=a/", "a/")]
    [InlineData("?prefix=a%2F", "a/")]
    [InlineData("?prefix64=_w", "\xff")]
    [InlineData("?prefix=", "")]
    [InlineData("", "")]
    public async Task The_prefix_goes_to_the_feed(string query, string prefix)
    {
        await using var stream = await EventReader.OpenAsync(_server, $"/v1/watch/default{query}");

        Assert.Equal(Encoding.Latin1.GetBytes(prefix), _server.Feed.LastQuery!.Prefix.ToArray());
    }

    [Fact]
    public async Task A_long_poll_answers_with_the_next_changes_and_where_to_go_on()
    {
        _server.Feed.Publish(FakeFeed.Put(1, "a", "1"), FakeFeed.Delete(2, "a", FakeFeed.PositionOf(1).Timestamp));

        var page = await _server.GetJsonAsync($"/v1/watch/default?wait=30s&from={FakeFeed.Now.Timestamp}");

        Assert.Equal(["put", "delete"], page.GetProperty("events").EnumerateArray().Select(change => change.GetProperty("event").GetString()));
        Assert.Equal(
            [FeedCursor.Format(Hash, FakeFeed.PositionOf(1)), FeedCursor.Format(Hash, FakeFeed.PositionOf(2))],
            page.GetProperty("events").EnumerateArray().Select(change => change.GetProperty("cursor").GetString()));
        Assert.Equal("1", page.GetProperty("events")[0].GetProperty("value").GetString());
        Assert.Equal(FeedCursor.Format(Hash, FakeFeed.PositionOf(2)), page.GetProperty("cursor").GetString());
        Assert.Equal((TimeSpan.FromSeconds(30), false), (_server.Feed.LastWait, _server.Feed.LastQuery!.IsConnected));
    }

    [Fact]
    public async Task A_long_poll_without_changes_says_how_far_the_feed_is_complete()
    {
        var page = await _server.GetJsonAsync("/v1/watch/default?wait=0s");

        Assert.Empty(page.GetProperty("events").EnumerateArray());
        Assert.Equal(FeedCursor.Format(Hash, FakeFeed.Now), page.GetProperty("cursor").GetString());
        Assert.Equal(FakeFeed.Now.Timestamp.ToString(), page.GetProperty("resolvedTimestamp").GetString());
    }

    [Theory]
    [InlineData("?from=yesterday", ErrorCode.InvalidRequest)]
    [InlineData("?from=", ErrorCode.InvalidRequest)]
    [InlineData("?from=9999-01-01T00:00:00Z", ErrorCode.InvalidRequest)]
    [InlineData("?from=f000000000000000", ErrorCode.InvalidRequest)]
    [InlineData("?from=0000000000000001&from=0000000000000001", ErrorCode.InvalidRequest)]
    [InlineData("?wait=61s", ErrorCode.InvalidRequest)]
    [InlineData("?wait=soon", ErrorCode.InvalidRequest)]
    [InlineData("?prefix=a&prefix64=YQ", ErrorCode.InvalidRequest)]
    [InlineData("?prefix=%FF", ErrorCode.InvalidKey)]
    [InlineData("?limit=1", ErrorCode.InvalidRequest)]
    public async Task Wrong_requests_do_not_reach_the_feed(string query, ErrorCode code)
    {
        using var response = await _server.SendAsync(HttpMethod.Get, $"/v1/watch/default{query}");

        await Problems.AssertIsAsync(response, code);
        Assert.Null(_server.Feed.LastQuery);
    }

    [Fact]
    public async Task A_cursor_of_another_feed_or_a_damaged_one_is_refused()
    {
        var cursors = new[]
        {
            FeedCursor.Format(FeedCursor.Hash("other", []), FakeFeed.Now),
            FeedCursor.Format(FeedCursor.Hash("default", "a"u8), FakeFeed.Now),
            FeedCursor.Format(Hash, FakeFeed.Now)[..^1] + "A",
            FeedCursor.Format(Hash, FakeFeed.Now with { Delivered = -1 }),
            FeedCursor.Format(Hash, FakeFeed.Now with { Timestamp = Timestamp.FromTime(DateTimeOffset.UtcNow.AddHours(1)) }),
        };
        foreach (var cursor in cursors)
        {
            using var response = await _server.SendAsync(HttpMethod.Get, $"/v1/watch/default?from={cursor}");
            await Problems.AssertIsAsync(response, ErrorCode.InvalidRequest);
        }

        Assert.Null(_server.Feed.LastQuery);
    }

    [Theory]
    [InlineData(ErrorCode.CursorCompacted)]
    [InlineData(ErrorCode.KeyspaceNotFound)]
    [InlineData(ErrorCode.UnsupportedForFamily)]
    [InlineData(ErrorCode.Unavailable)]
    public async Task What_the_feed_refuses_is_a_problem_document(ErrorCode code)
    {
        foreach (var query in new[] { "", "?wait=1s" })
        {
            _server.Feed.NextFailure = Failure.NotApplied(code, "So it is.") with { GcThreshold = code == ErrorCode.CursorCompacted ? new Timestamp(42) : default };
            using var response = await _server.SendAsync(HttpMethod.Get, $"/v1/watch/default{query}");
            var problem = await Problems.AssertIsAsync(response, code);
            Assert.Equal(code == ErrorCode.CursorCompacted, problem.TryGetProperty("gcThreshold", out _));
        }
    }

    [Fact]
    public async Task A_stream_that_cannot_go_on_ends_with_its_reason_and_its_cursor()
    {
        await using var stream = await EventReader.OpenAsync(_server, "/v1/watch/default");
        await stream.NextAsync();
        _server.Feed.Publish(FakeFeed.Put(1, "a", "1"));
        await stream.NextAsync();

        _server.Feed.End(Failure.NotApplied(ErrorCode.CursorCompacted, "gone"));

        Assert.Equal([": cursor_compacted: gone", $": cursor={FeedCursor.Format(Hash, FakeFeed.PositionOf(1))}"], await stream.ReadCommentsToEndAsync());
        await _server.Feed.Closed.Task.WaitAsync(Token);
    }

    [Fact]
    public async Task A_reader_that_leaves_closes_its_feed()
    {
        var stream = await EventReader.OpenAsync(_server, "/v1/watch/default");
        await stream.NextAsync();
        Assert.Equal(1, _server.Feed.Open);

        await stream.DisposeAsync();

        await _server.Feed.Closed.Task.WaitAsync(Token);
        Assert.Equal(0, _server.Feed.Open);
    }

    [Fact]
    public async Task Only_so_many_watch_at_once()
    {
        await using var small = await ApiServer.StartAsync(new ApiOptions { MaxConcurrentWatches = 1 });
        await using (var stream = await EventReader.OpenAsync(small, "/v1/watch/default"))
        {
            await stream.NextAsync();
            using var refused = await small.SendAsync(HttpMethod.Get, "/v1/watch/default?wait=1s");
            await Problems.AssertIsAsync(refused, ErrorCode.Overloaded);
            Assert.Equal("1", refused.Headers.RetryAfter?.ToString());
        }

        await small.Feed.Closed.Task.WaitAsync(Token);
    }

    [Fact]
    public async Task A_node_that_stops_ends_its_streams_with_their_cursor_and_its_polls_with_an_answer()
    {
        var server = await ApiServer.StartAsync();
        await using var stream = await EventReader.OpenAsync(server, "/v1/watch/default");
        await stream.NextAsync();
        var polling = server.GetJsonAsync("/v1/watch/default?wait=60s");
        while (server.Feed.Open < 2)
            await Task.Yield();

        var stopping = server.StopAsync();

        Assert.Equal([": this node stops", $": cursor={FeedCursor.Format(Hash, FakeFeed.Now)}"], await stream.ReadCommentsToEndAsync());
        Assert.Empty((await polling).GetProperty("events").EnumerateArray());
        await stopping;
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_reader_that_takes_nothing_is_ended_with_the_cursor_behind_what_it_was_given()
    {
        await using var server = await ApiServer.StartAsync(add: builder => builder.Services.AddSingleton<TimeProvider>(new HastyTime()));
        server.Feed.EndlessBytes = 100_000;
        using var client = new TcpClient { NoDelay = true, ReceiveBufferSize = 4096 };
        await client.ConnectAsync(server.Address.Host, server.Address.Port, Token);
        await client.GetStream().WriteAsync("GET /v1/watch/default HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), Token);

        await server.Feed.Closed.Task.WaitAsync(Token);

        var given = server.Feed.Given;
        var answer = await RawRequest.ReadAsync(client.GetStream(), Token);
        Assert.EndsWith($": cursor={FeedCursor.Format(Hash, given)}\n\n", answer.Text, StringComparison.Ordinal);
        Assert.Contains(": the reader took nothing for", answer.Text[^200..], StringComparison.Ordinal);
    }

    [Fact]
    public void Cursors_come_back_as_they_were() => CsCheck.Check.Sample(
        CsCheck.Gen.Select(CsCheck.Gen.ULong, CsCheck.Gen.Long[1, Timestamp.FromTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).Milliseconds], CsCheck.Gen.Int[0, int.MaxValue], CsCheck.Gen.Long),
        (hash, milliseconds, delivered, incarnation) =>
        {
            var position = new FeedPosition(Timestamp.FromParts(milliseconds, 3), delivered, incarnation);
            Assert.Equal(position, FeedCursor.Parse(FeedCursor.Format(hash, position), "from", hash, TimeProvider.System));
        });

    /// <summary>Whoever waits for something has a two-hundredth of the time.</summary>
    private sealed class HastyTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 200 : dueTime, period);
    }
}

using System.Text;
using System.Text.Json;
using GrainDb.Api.Conflicts;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Api.Tests.Eventual;

public sealed class ConflictRoutesTests : IAsyncLifetime
{
    private static readonly Guid Actor = new(9, 0, 0, new byte[8]);

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        for (ulong number = 3; number > 0; number--)
            _server.Eventual.Conflicts.Add(Conflict($"k{number}", number, $"lost{number}"));
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task They_are_listed_newest_first_page_by_page_with_what_lost()
    {
        var first = await _server.GetJsonAsync("/v1/conflicts?keyspace=last&limit=2");
        Assert.Equal(["k3", "k2"], first.GetProperty("conflicts").EnumerateArray().Select(conflict => conflict.GetProperty("key").GetString()));
        Assert.Equal("node3", first.GetProperty("missing")[0].GetString());
        var newest = first.GetProperty("conflicts")[0];
        Assert.Equal("timestamp", newest.GetProperty("resolvedBy").GetString());
        Assert.Equal($"{Actor:N}-3", newest.GetProperty("winner").GetString());
        var loser = newest.GetProperty("losers")[0];
        Assert.Equal(("lost3", "text/plain", false), (loser.GetProperty("value").GetString(), loser.GetProperty("contentType").GetString(), loser.GetProperty("deleted").GetBoolean()));

        var second = await _server.GetJsonAsync($"/v1/conflicts?keyspace=last&limit=2&cursor={first.GetProperty("cursor").GetString()}");

        Assert.Equal("k1", Assert.Single(second.GetProperty("conflicts").EnumerateArray()).GetProperty("key").GetString());
        Assert.False(second.TryGetProperty("cursor", out _));
    }

    [Theory]
    [InlineData("", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=default", ErrorCode.UnsupportedForFamily)]
    [InlineData("?keyspace=unknown", ErrorCode.KeyspaceNotFound)]
    [InlineData("?keyspace=last&limit=0", ErrorCode.InvalidRequest)]
    [InlineData("?keyspace=last&cursor=x", ErrorCode.InvalidRequest)]
    public async Task Wrong_lists_are_refused(string query, ErrorCode code)
    {
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/conflicts{query}"), code);
        Assert.Equal(0, _server.Eventual.Calls);
    }

    [Fact]
    public async Task A_cursor_of_another_keyspace_is_refused()
    {
        var page = await _server.GetJsonAsync("/v1/conflicts?keyspace=last&limit=1");
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, $"/v1/conflicts?keyspace=cache&cursor={page.GetProperty("cursor").GetString()}"), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task Accepting_writes_nothing_and_takes_it_off_the_list()
    {
        var resolved = await ResolveAsync(await IdAsync(), """{"accept":true}""");
        Assert.Equal(JsonValueKind.Null, resolved.GetProperty("written").ValueKind);
        Assert.True(resolved.GetProperty("dismissed").GetBoolean());
        Assert.Equal("node3", resolved.GetProperty("missing")[0].GetString());
        Assert.Null(_server.Eventual.LastWrite);
        Assert.Equal(["k2", "k1"], _server.Eventual.Conflicts.Select(conflict => Encoding.UTF8.GetString(conflict.Key.Span)));
    }

    [Fact]
    public async Task Keeping_a_loser_writes_it_over_what_stands()
    {
        await PutAsync("k3", "stands");
        var resolved = await ResolveAsync(await IdAsync(), $$"""{"keep":"{{Actor:N}}-103"}""");
        Assert.True(resolved.GetProperty("dismissed").GetBoolean());
        Assert.NotEmpty(resolved.GetProperty("written").GetProperty("version").GetString()!);
        var read = await _server.SendAsync(HttpMethod.Get, "/v1/kv/last/k3");
        Assert.Equal("lost3", await read.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("text/plain", read.Content.Headers.ContentType!.MediaType);
        Assert.False(_server.Eventual.LastWrite!.Context.IsEmpty);
    }

    [Theory]
    [InlineData("registers", "")]
    [InlineData("maps", "name,age")]
    public async Task Keeping_a_loser_of_a_data_type_sets_all_that_its_write_had_set(string keyspace, string fields)
    {
        ConflictLoser[] losers = [.. fields.Split(',').Select(field => new ConflictLoser(new Dot(Actor, 104), new Timestamp(4), Deleted: false, Encoding.UTF8.GetBytes(field), "", Encoding.UTF8.GetBytes($"\"{field} lost\"")))];
        _server.Eventual.Conflicts.Insert(0, Conflict("k4", 4, "") with { Losers = [.. losers, losers[0] with { Dot = new Dot(Actor, 105) }] });
        var id = (await _server.GetJsonAsync($"/v1/conflicts?keyspace={keyspace}&limit=1")).GetProperty("conflicts")[0].GetProperty("id").GetString()!;

        var resolved = await ResolveAsync(id, $$"""{"keep":"{{Actor:N}}-104"}""");

        Assert.True(resolved.GetProperty("dismissed").GetBoolean());
        Assert.Equal(CrdtAction.Set, _server.Eventual.LastWrite!.Operation!.Action);
        Assert.Equal(fields.Split(',').Select(field => (field, $"\"{field} lost\"")), _server.Eventual.LastWrite.Operation.Fields.Select(field => (Encoding.UTF8.GetString(field.Name.Span), Encoding.UTF8.GetString(field.Value.Span))));
    }

    [Fact]
    public async Task Keeping_the_winner_accepts()
    {
        await ResolveAsync(await IdAsync(), $$"""{"keep":"{{Actor:N}}-3"}""");
        Assert.Null(_server.Eventual.LastWrite);
        Assert.Equal(2, _server.Eventual.Conflicts.Count);
    }

    [Fact]
    public async Task Another_value_is_written_over_what_stands()
    {
        await PutAsync("k3", "stands");
        await ResolveAsync(await IdAsync(), """{"json":{"both":true}}""");
        Assert.Equal("application/json", _server.Eventual.LastWrite!.ContentType);
        Assert.Equal("""{"both":true}""", Encoding.UTF8.GetString(_server.Eventual.LastWrite.Value.Span));
        Assert.Equal(2, _server.Eventual.Conflicts.Count);
    }

    [Fact]
    public async Task Deleting_is_a_decision_too()
    {
        await ResolveAsync(await IdAsync(), """{"delete":true}""");
        Assert.Equal(EventualWriteKind.Delete, _server.Eventual.LastWrite!.Kind);
    }

    [Fact]
    public async Task What_could_not_be_written_stays_on_the_list()
    {
        var id = await IdAsync();
        _server.Eventual.NextFailure = Failure.NotApplied(ErrorCode.Unavailable, "too few replicas answered");
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/conflicts/{id}/resolve", """{"value":"x"}"""), ErrorCode.Unavailable);
        Assert.Equal(3, _server.Eventual.Conflicts.Count);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"accept":false}""")]
    [InlineData("""{"accept":true,"value":"x"}""")]
    [InlineData("""{"keep":"3"}""")]
    [InlineData("""{"accept":true,"contentType":"text/plain"}""")]
    public async Task Wrong_decisions_are_refused(string body)
    {
        var id = await IdAsync();
        var calls = _server.Eventual.Calls;
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/conflicts/{id}/resolve", body), ErrorCode.InvalidRequest);
        Assert.Equal(calls, _server.Eventual.Calls);
    }

    [Fact]
    public async Task A_dot_that_is_not_in_it_is_refused()
    {
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/conflicts/{await IdAsync()}/resolve", $$"""{"keep":"{{Actor:N}}-102"}"""), ErrorCode.InvalidRequest);
    }

    [Fact]
    public async Task A_conflict_that_is_gone_is_404_where_its_losers_are_needed()
    {
        var id = await IdAsync();
        _server.Eventual.Conflicts.Clear();
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/conflicts/{id}/resolve", $$"""{"keep":"{{Actor:N}}-103"}"""), ErrorCode.ConflictNotFound);
        Assert.False((await ResolveAsync(id, """{"accept":true}""")).GetProperty("dismissed").GetBoolean());
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/conflicts/abc/resolve", """{"accept":true}"""), ErrorCode.ConflictNotFound);
    }

    [Fact]
    public void Ids_name_key_and_winner_and_no_damaged_one_is_taken()
    {
        var id = new ConflictId("last", new byte[] { 0, 255 }, new(new Timestamp(5), new Dot(Actor, 6)));
        var text = id.Format();
        var parsed = ConflictId.Parse(text);
        Assert.Equal((id.Keyspace, id.Position), (parsed.Keyspace, parsed.Position));
        Assert.Equal(id.Key.ToArray(), parsed.Key.ToArray());
        for (var position = 0; position < text.Length; position++)
        {
            var damaged = text[..position] + (text[position] == 'A' ? 'B' : 'A') + text[(position + 1)..];
            Assert.Equal(ErrorCode.ConflictNotFound, Assert.Throws<GrainDbException>(() => ConflictId.Parse(damaged)).Failure.Code);
        }
    }

    [Fact]
    public async Task A_partition_is_repaired_on_demand()
    {
        var response = await _server.SendAsync(HttpMethod.Post, "/v1/ranges/17/repair");
        Assert.Equal(System.Net.HttpStatusCode.Accepted, response.StatusCode);
        Assert.Equal(new RangeId(17), _server.Eventual.LastRepair);
        _server.Eventual.NextFailure = Failure.NotApplied(ErrorCode.UnsupportedForFamily, "range 17 is of a strong keyspace");
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/17/repair"), ErrorCode.UnsupportedForFamily);
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/ranges/x/repair"), ErrorCode.RangeNotFound);
    }

    private async Task<string> IdAsync() => (await _server.GetJsonAsync("/v1/conflicts?keyspace=last&limit=1")).GetProperty("conflicts")[0].GetProperty("id").GetString()!;

    private async Task<JsonElement> ResolveAsync(string id, string body) => await ApiServer.ReadJsonAsync(await _server.SendJsonAsync(HttpMethod.Post, $"/v1/conflicts/{id}/resolve", body));

    private async Task PutAsync(string key, string value)
    {
        var put = await _server.SendAsync(HttpMethod.Put, $"/v1/kv/last/{key}", request => request.Content = new StringContent(value));
        Assert.True(put.IsSuccessStatusCode);
        Assert.NotNull(_server.Eventual.LastWrite);
    }

    private static ConflictRecord Conflict(string key, ulong number, string lost) => new(
        Encoding.UTF8.GetBytes(key),
        ConflictResolution.Timestamp,
        new Dot(Actor, number),
        [new ConflictLoser(new Dot(Actor, 100 + number), new Timestamp(number), Deleted: false, default, "text/plain", Encoding.UTF8.GetBytes(lost))],
        Timestamp.FromTime(new DateTimeOffset(2026, 1, 1, 0, 0, (int)number, TimeSpan.Zero)));
}

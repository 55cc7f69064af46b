using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Api.Tests.Keys;

public sealed class BatchRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Every_operation_answers_with_the_status_of_the_single_request()
    {
        var results = await PostAsync("""
            {"ops":[
              {"put":{"keyspace":"default","key":"a","value":"one"}},
              {"put":{"keyspace":"default","key":"a","json":{"n": 1.50}}},
              {"get":{"keyspace":"default","key":"a"}},
              {"put":{"keyspace":"default","key64":"_w","value64":"AP8","contentType":"image/png"}},
              {"get":{"keyspace":"default","key64":"_w=="}},
              {"delete":{"keyspace":"default","key":"a"}},
              {"get":{"keyspace":"default","key":"a"}},
              {"get":{"keyspace":"nowhere","key":"a"}},
              {"put":{"keyspace":"system.meta","key":"a","value":""}},
              {"put":{"keyspace":"default","key":"","value":""}},
              {"delete":{"keyspace":"default","key":"b","ifMatch":"*"}},
              {"put":{"keyspace":"default","key":"c","value":"x","ifNoneMatch":"*","ttl":"60s"}},
              {"put":{"keyspace":"default","key":"d","value":"x","ttl":"soon"}},
              {"get":{"keyspace":"default","key":"a","asOf":"never"}}
            ]}
            """);
        Assert.Equal([201, 200, 200, 201, 200, 204, 404, 404, 403, 400, 412, 201, 400, 400], StatusesOf(results));
        Assert.Equal("{\"n\": 1.50}", results[2].GetProperty("json").GetRawText());
        Assert.Equal("application/json", results[2].GetProperty("contentType").GetString());
        Assert.Equal(results[1].GetProperty("version").GetString(), results[2].GetProperty("version").GetString());
        Assert.Equal("AP8", results[4].GetProperty("value64").GetString());
        Assert.Equal("image/png", results[4].GetProperty("contentType").GetString());
        Assert.Equal(16, results[5].GetProperty("version").GetString()!.Length);
        Assert.Equal("key_not_found", results[6].GetProperty("code").GetString());
        Assert.Equal("notApplied", results[6].GetProperty("outcome").GetString());
        Assert.Equal("keyspace_not_found", results[7].GetProperty("code").GetString());
        Assert.Equal("forbidden", results[8].GetProperty("code").GetString());
        Assert.Equal("invalid_key", results[9].GetProperty("code").GetString());
        Assert.Equal("version_mismatch", results[10].GetProperty("code").GetString());
        Assert.Equal(JsonValueKind.Null, results[10].GetProperty("currentVersion").ValueKind);
    }

    [Fact]
    public async Task Operations_on_one_key_keep_their_order()
    {
        var operations = Enumerable.Range(0, 200).Select(i => $$$"""{"put":{"keyspace":"default","key":"k{{{i % 5}}}","value":"{{{i}}}"}}""");
        var results = await PostAsync($$"""{"ops":[{{string.Join(',', operations)}}]}""");
        for (var key = 0; key < 5; key++)
        {
            var versions = Enumerable.Range(0, 40).Select(i => results[(i * 5) + key].GetProperty("version").GetString()).ToList();
            Assert.Equal(versions.Order(StringComparer.Ordinal), versions);
            var last = await _server.SendAsync(HttpMethod.Get, $"/v1/kv/default/k{key}");
            Assert.Equal($"{195 + key}", await last.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Defaults_of_content_types_follow_the_form()
    {
        var results = await PostAsync("""
            {"ops":[
              {"put":{"keyspace":"default","key":"t","value":"x"}}, {"get":{"keyspace":"default","key":"t"}},
              {"put":{"keyspace":"default","key":"j","json":null}}, {"get":{"keyspace":"default","key":"j"}},
              {"put":{"keyspace":"default","key":"b","value64":"/+8="}}, {"get":{"keyspace":"default","key":"b"}}
            ]}
            """);
        Assert.Equal("text/plain; charset=utf-8", results[1].GetProperty("contentType").GetString());
        Assert.Equal("application/json", results[3].GetProperty("contentType").GetString());
        Assert.Equal(JsonValueKind.Null, results[3].GetProperty("json").ValueKind);
        Assert.Equal("application/octet-stream", results[5].GetProperty("contentType").GetString());
        Assert.Equal("_-8", results[5].GetProperty("value64").GetString());
    }

    [Theory]
    [InlineData("""{"ops":[{"get":{"keyspace":"default","key":"a"}},{}]}""", "$.ops[1]")]
    [InlineData("""{"ops":[null]}""", "$.ops[0]")]
    [InlineData("""{"ops":[{"get":{"keyspace":"default","key":"a"},"delete":{"keyspace":"default","key":"a"}}]}""", "exactly one of put, get and delete")]
    [InlineData("""{"ops":[{"put":{"keyspace":"default","key":"a"}}]}""", "exactly one of value, json and value64")]
    [InlineData("""{"ops":[{"put":{"keyspace":"default","key":"a","value":"x","json":1}}]}""", "exactly one of value, json and value64")]
    [InlineData("""{"ops":[{"get":{"keyspace":"default"}}]}""", "exactly one of key and key64")]
    [InlineData("""{"ops":[{"get":{"key":"a"}}]}""", "names no keyspace")]
    [InlineData("""{"ops":[{"increment":{"keyspace":"default","key":"a","by":1}}]}""", "'increment' is not known")]
    [InlineData("""{"ops":[{"get":{"keyspace":"default","key":5}}]}""", "$.ops[0].get.key, line 1")]
    [InlineData("""{"ops":[{"get":{"keyspace":"default","key":"a","key":"b"}}]}""", "'key' is given twice")]
    [InlineData("""{"ops":{}}""", "an array is expected")]
    [InlineData("""{}""", "ops is missing")]
    [InlineData("""[]""", "$")]
    [InlineData("""null""", "null")]
    [InlineData("", "empty")]
    [InlineData("{\n\"ops\":[\n}", "line 3")]
    [InlineData("{\"ops\":[{\"get\":{\"keyspace\":\"default\",\"key\":\"\\ud800\"}}]}", "$.ops[0].get.key")]
    public async Task A_wrong_document_ends_the_batch_before_anything_ran(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/batch", body), ErrorCode.InvalidRequest);
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.Contains(why, detail, StringComparison.Ordinal);
        Assert.DoesNotContain("GrainDb.Api", detail, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", detail, StringComparison.Ordinal);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task Too_many_operations_are_413()
    {
        var operations = string.Join(',', Enumerable.Repeat("""{"get":{"keyspace":"default","key":"a"}}""", KeyLimits.MaxBatchOperations + 1));
        await Problems.AssertIsAsync(await _server.SendJsonAsync(HttpMethod.Post, "/v1/batch", $$"""{"ops":[{{operations}}]}"""), ErrorCode.RequestTooLarge);
        Assert.Equal(0, _server.Store.Calls);
    }

    [Fact]
    public async Task A_value_above_the_limit_is_413_for_its_operation_alone()
    {
        var results = await PostAsync($$$"""{"ops":[{"put":{"keyspace":"default","key":"a","value":"{{{new string('x', KeyLimits.DefaultMaxValueBytes + 1)}}}"}},{"put":{"keyspace":"default","key":"b","value":"x"}}]}""");
        Assert.Equal([413, 201], StatusesOf(results));
    }

    [Fact]
    public async Task Another_media_type_is_415()
    {
        var response = await _server.SendAsync(HttpMethod.Post, "/v1/batch", request => request.Content = new StringContent("{\"ops\":[]}", Encoding.UTF8, "text/plain"));
        await Problems.AssertIsAsync(response, ErrorCode.UnsupportedMediaType);
    }

    [Fact]
    public async Task Operations_that_the_deadline_left_unstarted_did_nothing()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _server.Store.Gate = gate.Task;
        var answer = _server.SendAsync(HttpMethod.Post, "/v1/batch", request =>
        {
            request.Headers.Add("GrainDb-Timeout", "1ms");
            request.Content = new StringContent(
                """{"ops":[{"put":{"keyspace":"default","key":"a","value":"1"}},{"put":{"keyspace":"default","key":"a","value":"2"}}]}""", Encoding.UTF8, "application/json");
        });
        // On a slow machine the budget may be over before even the first began; then there is nothing to hold.
        await Task.WhenAny(_server.Store.Arrived.Task, answer);
        // The first operation is held until the whole budget is over, by the same clock.
        var arrived = Stopwatch.GetTimestamp();
        SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(arrived) > TimeSpan.FromMilliseconds(1));
        gate.SetResult();
        var results = (await ApiServer.ReadJsonAsync(await answer)).GetProperty("results");
        Assert.Equal(503, results[1].GetProperty("status").GetInt32());
        Assert.Equal("notApplied", results[1].GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task An_unknown_outcome_stays_with_its_operation()
    {
        _server.Store.NextFailure = Failure.Unknown(ErrorCode.Unavailable, "Lost.");
        var results = await PostAsync("""{"ops":[{"put":{"keyspace":"default","key":"a","value":"1"}},{"put":{"keyspace":"default","key":"a","value":"2"}}]}""");
        Assert.Equal([504, 201], StatusesOf(results));
        Assert.Equal("outcome_unknown", results[0].GetProperty("code").GetString());
        Assert.Equal("unknown", results[0].GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task Promises_that_cannot_be_kept_are_refused()
    {
        foreach (var header in new[] { "GrainDb-Context", "GrainDb-Consistency" })
        {
            var response = await _server.SendAsync(HttpMethod.Post, "/v1/batch", request =>
            {
                request.Headers.Add(header, "x");
                request.Content = new StringContent("""{"ops":[]}""", Encoding.UTF8, "application/json");
            });
            await Problems.AssertIsAsync(response, header == "GrainDb-Context" ? ErrorCode.UnsupportedForFamily : ErrorCode.InvalidRequest);
        }
    }

    private static List<int> StatusesOf(JsonElement results) => [.. results.EnumerateArray().Select(result => result.GetProperty("status").GetInt32())];

    private async Task<JsonElement> PostAsync(string body)
    {
        var response = await _server.SendJsonAsync(HttpMethod.Post, "/v1/batch", body);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (await ApiServer.ReadJsonAsync(response)).GetProperty("results");
    }
}

using System.Net;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Keys;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Transactions;

/// <summary>Transactions in one request.</summary>
public sealed class TransactRoutesTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Results_are_one_per_read_then_one_per_write()
    {
        await TransactAsync("""
            {"writes":[{"put":{"keyspace":"default","key":"a/1","value":"one"}},{"put":{"keyspace":"default","key":"a/2","json":{"n": 2}}},
                       {"put":{"keyspace":"default","key64":"_w","value64":"AP8"}}]}
            """);
        var response = await TransactAsync("""
            {"isolation":"serializable",
             "checks":[{"keyspace":"default","key":"a/1","value":"one"},{"keyspace":"default","key":"none","exists":false}],
             "reads":[{"keyspace":"default","key":"a/1"},{"keyspace":"default","key":"none"},{"keyspace":"default","prefix":"a/","limit":10},{"keyspace":"default","key64":"_w=="}],
             "writes":[{"put":{"keyspace":"default","key":"a/1","value":"new","contentType":"text/html","ttl":"1h"}},
                       {"delete":{"keyspace":"default","key":"a/2"}},
                       {"increment":{"keyspace":"default","key":"n","by":-5}},
                       {"increment":{"keyspace":"default","key":"m"}}]}
            """);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await ApiServer.ReadJsonAsync(response);
        Assert.Equal(["committed", "commitTimestamp", "results"], answer.EnumerateObject().Select(member => member.Name));
        Assert.True(answer.GetProperty("committed").GetBoolean());
        var version = answer.GetProperty("commitTimestamp").GetString();
        Assert.Equal(version, Header(response, KeyHeaders.CommitTimestamp));
        Assert.NotEmpty(Header(response, KeyHeaders.Session));
        Assert.False(response.Headers.Contains("GrainDb-Idempotent-Replay"));
        var results = answer.GetProperty("results");
        Assert.Equal(8, results.GetArrayLength());
        var old = results[0].GetProperty("version").GetString();
        Assert.Equal($$"""{"found":true,"version":"{{old}}","contentType":"text/plain; charset=utf-8","value":"one"}""", results[0].GetRawText());
        Assert.Equal("""{"found":false}""", results[1].GetRawText());
        Assert.Equal(
            $$$"""{"items":[{"key":"a/1","value":"one","version":"{{{old}}}","contentType":"text/plain; charset=utf-8"},{"key":"a/2","json":{"n": 2},"version":"{{{old}}}","contentType":"application/json"}]}""",
            results[2].GetRawText());
        Assert.Equal("AP8", results[3].GetProperty("value64").GetString());
        Assert.Equal($$"""{"version":"{{version}}"}""", results[4].GetRawText());
        Assert.Equal($$"""{"version":"{{version}}"}""", results[5].GetRawText());
        Assert.Equal($$"""{"version":"{{version}}","value":-5}""", results[6].GetRawText());
        Assert.Equal($$"""{"version":"{{version}}","value":1}""", results[7].GetRawText());

        var asked = _server.Transactions.LastRequest!;
        Assert.Equal(IsolationLevel.Serializable, asked.Isolation);
        Assert.Equal([CheckKind.ValueEquals, CheckKind.NotExists], asked.Checks.Select(check => check.Kind));
        Assert.Equal((true, 10, "a0"), (asked.Reads[2].IsScan, asked.Reads[2].Limit, Encoding.UTF8.GetString(asked.Reads[2].End!.Value.Span)));
        Assert.Equal((TimeSpan.FromHours(1), "text/html"), (asked.Writes[0].Write.TimeToLive, asked.Writes[0].Write.ContentType));
        Assert.Equal([null, null, -5, 1], asked.Writes.Select(write => write.Increment));
        Assert.All(asked.Writes, write => Assert.Equal(ConditionKind.None, write.Write.Condition.Kind));
    }

    [Fact]
    public async Task A_check_of_a_bound_says_what_was_asked()
    {
        var response = await TransactAsync("""
            {"checks":[{"keyspace":"default","key":"stock","atLeast":1},{"keyspace":"default","key":"stock","atMost":0},{"keyspace":"default","key":"stock","atMost":-1}],
             "writes":[{"increment":{"keyspace":"default","key":"stock","by":-1}}]}
            """);
        Assert.Equal(
            """[{"index":0,"keyspace":"default","key":"stock","atLeast":1},{"index":2,"keyspace":"default","key":"stock","atMost":-1}]""",
            JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.GetProperty("failedChecks").GetRawText());
    }

    [Fact]
    public async Task A_check_that_does_not_hold_is_an_answer_that_says_what_was_asked()
    {
        await TransactAsync("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"one"}}]}""");
        var response = await TransactAsync("""
            {"checks":[{"keyspace":"default","key":"a","exists":true},{"keyspace":"default","key":"a","version":"00000000000000ff"},{"keyspace":"default","key64":"YQ","exists":false},
                       {"keyspace":"default","key":"a","json":{"x": 1}},{"keyspace":"default","key":"a","value64":"AP8"},{"keyspace":"default","key":"a","value":"two"}],
             "reads":[{"keyspace":"default","key":"a"}],"writes":[{"delete":{"keyspace":"default","key":"a"}}]}
            """);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await ApiServer.ReadJsonAsync(response);
        Assert.Equal(["committed", "failedChecks", "results"], answer.EnumerateObject().Select(member => member.Name));
        Assert.False(answer.GetProperty("committed").GetBoolean());
        Assert.Equal(
            """
            [{"index":1,"keyspace":"default","key":"a","version":"00000000000000ff"},{"index":2,"keyspace":"default","key64":"YQ","exists":false},{"index":3,"keyspace":"default","key":"a","json":{"x": 1}},{"index":4,"keyspace":"default","key":"a","value64":"AP8"},{"index":5,"keyspace":"default","key":"a","value":"two"}]
            """,
            answer.GetProperty("failedChecks").GetRawText());
        Assert.Equal(1, answer.GetProperty("results").GetArrayLength());
        Assert.Equal("one", answer.GetProperty("results")[0].GetProperty("value").GetString());
        Assert.False(response.Headers.Contains(KeyHeaders.CommitTimestamp));
        Assert.Equal(HttpStatusCode.OK, (await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a")).StatusCode);
    }

    [Fact]
    public async Task Without_writes_it_reads_one_snapshot_now_or_then()
    {
        var then = (await ApiServer.ReadJsonAsync(await TransactAsync("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"one"}}]}"""))).GetProperty("commitTimestamp").GetString();
        await TransactAsync("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"two"}}]}""");
        var response = await TransactAsync($$"""{"asOf":"{{then}}","reads":[{"keyspace":"default","key":"a"}]}""");
        var answer = await ApiServer.ReadJsonAsync(response);
        Assert.True(answer.GetProperty("committed").GetBoolean());
        Assert.Equal(then, answer.GetProperty("commitTimestamp").GetString());
        Assert.Equal(then, Header(response, KeyHeaders.ReadTimestamp));
        Assert.False(response.Headers.Contains(KeyHeaders.CommitTimestamp));
        Assert.Equal("one", answer.GetProperty("results")[0].GetProperty("value").GetString());
    }

    [Theory]
    [InlineData("""{"writes":[{"increment":{"keyspace":"default","key":"n"}}]}""", false)]
    [InlineData("""{"reads":[{"keyspace":"default","key":"n"}],"writes":[{"delete":{"keyspace":"default","key":"n"}}]}""", false)]
    [InlineData("""{"writes":[{"delete":{"keyspace":"default","key":"n"}}]}""", true)]
    public async Task An_answer_without_its_results_is_none_and_names_the_transaction(string body, bool isWhole)
    {
        var id = new TransactionId(new Timestamp(1), 2);
        _server.Transactions.NextResult = new TransactResult { Committed = true, CommitTimestamp = new Timestamp(255), Transaction = id };
        var response = await TransactAsync(body);
        if (isWhole)
            Assert.Equal("""{"committed":true,"commitTimestamp":"00000000000000ff","results":[{"version":"00000000000000ff"}]}""", (await ApiServer.ReadJsonAsync(response)).GetRawText());
        else
            Assert.Equal(id.ToString(), (await Problems.AssertIsAsync(response, ErrorCode.OutcomeUnknown)).GetProperty("txnId").GetString());
    }

    [Fact]
    public async Task System_keyspaces_can_be_read_and_not_written()
    {
        await Problems.AssertIsAsync(await TransactAsync("""{"writes":[{"put":{"keyspace":"system.meta","key":"a","value":"x"}}]}"""), ErrorCode.Forbidden);
        await Problems.AssertIsAsync(await TransactAsync("""{"writes":[{"delete":{"keyspace":"system.sagas","key":"a"}}]}"""), ErrorCode.Forbidden);
        await Problems.AssertIsAsync(await TransactAsync("""{"writes":[{"increment":{"keyspace":"system.meta","key":"a"}}]}"""), ErrorCode.Forbidden);
        Assert.Equal(0, _server.Transactions.Calls);
        await Problems.AssertIsAsync(await TransactAsync("""{"reads":[{"keyspace":"system.meta","key":"a"}]}"""), ErrorCode.KeyspaceNotFound);
        Assert.Equal(1, _server.Transactions.Calls);
    }

    [Fact]
    public async Task What_the_store_refuses_is_translated()
    {
        await Problems.AssertIsAsync(await TransactAsync("""{"reads":[{"keyspace":"cache","key":"a"}]}"""), ErrorCode.UnsupportedForFamily);
        await TransactAsync("""{"writes":[{"put":{"keyspace":"default","key":"t","value":"text"}}]}""");
        var problem = await Problems.AssertIsAsync(await TransactAsync("""{"writes":[{"increment":{"keyspace":"default","key":"t","by":1}}]}"""), ErrorCode.NotAnInteger);
        Assert.Equal(409, problem.GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("""{}""", "no checks, no reads and no writes")]
    [InlineData("""{"checks":[],"reads":[],"writes":[]}""", "no checks, no reads and no writes")]
    [InlineData("""{"check":[]}""", "'check' is not known")]
    [InlineData("""{"writes":{}}""", "an array is expected")]
    [InlineData("""{"writes":[null]}""", "$.writes[0]: it is null")]
    [InlineData("""{"writes":[{}]}""", "$.writes[0]: it must have exactly one of put, delete and increment")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"x"},"delete":{"keyspace":"default","key":"a"}}]}""", "$.writes[0]: it must have exactly one of")]
    [InlineData("""{"writes":[{"get":{"keyspace":"default","key":"a"}}]}""", "'get' is not known")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a"}}]}""", "$.writes[0]: it needs exactly one of value, json and value64")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"x","json":1}}]}""", "exactly one of value, json and value64")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"x","ifMatch":"*"}}]}""", "'ifMatch' is not known")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"x","ttl":"soon"}}]}""", "$.writes[0]: ttl is 'soon'")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value":"x","contentType":"nonsense"}}]}""", "$.writes[0]: Content-Type is 'nonsense'")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"a","value64":"*"}}]}""", "$.writes[0]: value64 is not base64url")]
    [InlineData("""{"writes":[{"put":{"key":"a","value":"x"}}]}""", "$.writes[0]: it names no keyspace")]
    [InlineData("""{"writes":[{"delete":{"keyspace":"default"}}]}""", "$.writes[0]: it needs exactly one of key and key64")]
    [InlineData("""{"writes":[{"increment":{"keyspace":"default","key":"a","by":"1"}}]}""", "$.writes[0].increment.by")]
    [InlineData("""{"writes":[{"increment":{"keyspace":"default","key":"a","by":1.5}}]}""", "a whole number of 64 bits is expected")]
    [InlineData("""{"writes":[{"increment":{"keyspace":"default","key":"a","by":9223372036854775808}}]}""", "a whole number of 64 bits is expected")]
    [InlineData("""{"writes":[{"delete":{"keyspace":"default","key":"a"}},{"put":{"keyspace":"default","key64":"YQ","value":"x"}}]}""", "$.writes[1]: it writes the same key as $.writes[0]")]
    [InlineData("""{"asOf":"0000000000000001","writes":[{"delete":{"keyspace":"default","key":"a"}}]}""", "asOf excludes writes")]
    [InlineData("""{"asOf":"soon","reads":[{"keyspace":"default","key":"a"}]}""", "asOf is 'soon'")]
    [InlineData("""{"isolation":"chaos","reads":[{"keyspace":"default","key":"a"}]}""", "isolation is 'chaos'")]
    [InlineData("""{"checks":[{"keyspace":"default","key":"a"}]}""", "$.checks[0]: it needs exactly one of version, exists, value, json, value64, atLeast and atMost")]
    [InlineData("""{"checks":[{"keyspace":"default","key":"a","exists":true,"value":"x"}]}""", "$.checks[0]: it needs exactly one of version")]
    [InlineData("""{"checks":[{"keyspace":"default","key":"a","version":"1"}]}""", "$.checks[0]: version is '1'; it must be 16 hex digits")]
    [InlineData("""{"checks":[{"keyspace":"default","key":"a","version":"0000000000000000"}]}""", "$.checks[0]: version is")]
    [InlineData("""{"checks":[{"keyspace":"default","key":"a","exists":"yes"}]}""", "$.checks[0].exists")]
    [InlineData("""{"checks":[{"key":"a","exists":true}]}""", "$.checks[0]: it names no keyspace")]
    [InlineData("""{"reads":[{"keyspace":"default","key":"a","prefix":"a"}]}""", "$.reads[0]: it needs exactly one of key, key64, prefix and prefix64")]
    [InlineData("""{"reads":[{"keyspace":"default","prefix":"a","prefix64":"YQ"}]}""", "$.reads[0]: it needs exactly one of key, key64, prefix and prefix64")]
    [InlineData("""{"reads":[{"prefix":"a"}]}""", "$.reads[0]: it names no keyspace")]
    [InlineData("""{"reads":[{"keyspace":"default","key":"a","limit":1}]}""", "$.reads[0]: it has a limit")]
    [InlineData("""{"reads":[{"keyspace":"default","prefix":"a","limit":0}]}""", "$.reads[0]: limit is 0; it must be from 1 to 10000")]
    [InlineData("""{"reads":[{"keyspace":"default","prefix":"a","limit":10001}]}""", "$.reads[0]: limit is 10001")]
    [InlineData("""{"reads":[{"keyspace":"default"}]}""", "$.reads[0]: it needs exactly one of key and key64")]
    [InlineData("""{"reads":[{"keyspace":"default","key":"a","key":"b"}]}""", "'key' is given twice")]
    [InlineData("""{"reads":[{"keyspace":"default","key":5}]}""", "$.reads[0].key")]
    [InlineData("{\"reads\":[{\"keyspace\":\"default\",\"key\":\"\\ud800\"}]}", "$.reads[0].key")]
    [InlineData("[]", "$")]
    [InlineData("null", "null")]
    [InlineData("", "empty")]
    public async Task A_wrong_document_is_refused_and_says_where(string body, string why)
    {
        var problem = await Problems.AssertIsAsync(await TransactAsync(body), ErrorCode.InvalidRequest);
        var detail = problem.GetProperty("detail").GetString()!;
        Assert.Contains(why, detail, StringComparison.Ordinal);
        Assert.DoesNotContain("GrainDb.Api", detail, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", detail, StringComparison.Ordinal);
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Theory]
    [InlineData("""{"reads":[{"keyspace":"default","key":"a"},{"keyspace":"No Name","key":"a"}]}""", ErrorCode.KeyspaceNotFound, "$.reads[1]")]
    [InlineData("""{"writes":[{"put":{"keyspace":"default","key":"","value":"x"}}]}""", ErrorCode.InvalidKey, "$.writes[0]")]
    [InlineData("""{"checks":[{"keyspace":"default","key64":"*","exists":true}]}""", ErrorCode.InvalidKey, "$.checks[0]")]
    [InlineData("""{"reads":[{"keyspace":"default","prefix64":"*"}]}""", ErrorCode.InvalidKey, "$.reads[0]: prefix64")]
    public async Task What_cannot_be_is_refused_with_its_own_code_and_place(string body, ErrorCode code, string where)
    {
        var problem = await Problems.AssertIsAsync(await TransactAsync(body), code);
        Assert.Contains(where, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Fact]
    public async Task Whatever_is_too_large_is_413_and_names_the_limit()
    {
        var deletes = Many(10_001, i => $$$"""{"delete":{"keyspace":"default","key":"{{{i}}}"}}""");
        await AssertTooLargeAsync($$"""{"writes":[{{deletes}}]}""", ErrorCode.TransactionTooLarge, "10000");
        var reads = Many(10_001, i => $$"""{"keyspace":"default","key":"{{i}}"}""");
        await AssertTooLargeAsync($$"""{"reads":[{{reads}}]}""", ErrorCode.TransactionTooLarge, "10000");
        await AssertTooLargeAsync("""{"reads":[{"keyspace":"default","prefix":"a","limit":10000},{"keyspace":"default","key":"a"}]}""", ErrorCode.TransactionTooLarge, "10001 rows");
        var (value, key) = (new string('x', 1024 * 1024 + 1), new string('x', 4097));
        await AssertTooLargeAsync($$$"""{"writes":[{"put":{"keyspace":"default","key":"a","value":"{{{value}}}"}}]}""", ErrorCode.ValueTooLarge, "1048576");
        await AssertTooLargeAsync($$"""{"checks":[{"keyspace":"default","key":"a","value":"{{value}}"}]}""", ErrorCode.ValueTooLarge, "$.checks[0]");
        await AssertTooLargeAsync($$"""{"reads":[{"keyspace":"default","key":"{{key}}"}]}""", ErrorCode.KeyTooLarge, "4096");
        await AssertTooLargeAsync($$"""{"reads":[{"keyspace":"default","prefix":"{{key}}"}]}""", ErrorCode.KeyTooLarge, "4096");
        var puts = Many(17, i => $$$"""{"put":{"keyspace":"default","key":"{{{i}}}","value":"{{{value[..1_000_000]}}}"}}""");
        await AssertTooLargeAsync($$"""{"writes":[{{puts}}]}""", ErrorCode.TransactionTooLarge, "16777216");
        Assert.Equal(0, _server.Transactions.Calls);
    }

    [Fact]
    public async Task A_body_of_another_type_is_415() => await Problems.AssertIsAsync(
        await _server.SendAsync(HttpMethod.Post, "/v1/transact", request => request.Content = new StringContent("{}")), ErrorCode.UnsupportedMediaType);

    private static string Many(int count, Func<int, string> element) => string.Join(',', Enumerable.Range(0, count).Select(element));

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private async Task AssertTooLargeAsync(string body, ErrorCode code, string limit)
    {
        var problem = await Problems.AssertIsAsync(await TransactAsync(body), code);
        Assert.Contains(limit, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private Task<HttpResponseMessage> TransactAsync(string body) => _server.SendJsonAsync(HttpMethod.Post, "/v1/transact", body);
}

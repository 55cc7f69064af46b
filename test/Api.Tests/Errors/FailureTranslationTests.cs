using GrainDb.Api.Errors;
using GrainDb.Api.Tests.Serving;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Errors;

/// <summary>What the layers below report, as the caller sees it.</summary>
public sealed class FailureTranslationTests : IAsyncLifetime
{
    private ApiServer _server = null!;

    public static TheoryData<ErrorCode> Codes => [.. Enum.GetValues<ErrorCode>()];

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync(new ApiOptions { MaxConcurrentOperations = 2 });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_code_of_the_store_becomes_its_document(ErrorCode code)
    {
        var failure = new Failure(code, ErrorTable.Of(code).Outcome, "Because of 7.") { CurrentVersion = new Timestamp(1), GcThreshold = new Timestamp(2) };
        foreach (var (method, path) in new[] { (HttpMethod.Put, "/v1/kv/default/a"), (HttpMethod.Get, "/v1/kv/default/a"), (HttpMethod.Get, "/v1/kv/default"), (HttpMethod.Get, "/v1/history/default/a"), (HttpMethod.Delete, "/v1/kv/default/a") })
        {
            _server.Store.NextFailure = failure;
            var response = await _server.SendAsync(method, path);
            var problem = await Problems.AssertIsAsync(response, code);
            Assert.Equal("Because of 7.", problem.GetProperty("detail").GetString());
            Assert.Equal(ErrorTable.NameOf(failure.Outcome), problem.GetProperty("outcome").GetString());
            Assert.Equal(failure.Retryable && failure.Code != ErrorCode.TransactionConflict, response.Headers.RetryAfter is not null);
            Assert.Equal(code == ErrorCode.VersionMismatch, problem.TryGetProperty("currentVersion", out _));
            Assert.Equal(code is ErrorCode.SnapshotTooOld or ErrorCode.CursorCompacted, problem.TryGetProperty("gcThreshold", out _));
        }
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_code_of_transactions_becomes_its_document(ErrorCode code)
    {
        var id = new TransactionId(new Timestamp(1), 2);
        var failure = new Failure(code, ErrorTable.Of(code).Outcome, "Because of 7.") { Keys = [new ConflictKey("default", "a"u8.ToArray())], Transaction = id };
        foreach (var (method, path) in new[]
        {
            ("POST", "/v1/txn"), ("POST", "/v1/transact"), ("POST", $"/v1/txn/{id}/commit"), ("POST", $"/v1/txn/{id}/rollback"), ("POST", $"/v1/txn/{id}/keepalive"),
            ("GET", $"/v1/txn/{id}/kv/default/a"), ("GET", $"/v1/txn/{id}/kv/default"), ("PUT", $"/v1/txn/{id}/kv/default/a"), ("DELETE", $"/v1/txn/{id}/kv/default/a"),
        })
        {
            _server.Transactions.NextFailure = failure;
            var response = path == "/v1/transact"
                ? await _server.SendJsonAsync(HttpMethod.Post, path, """{"reads":[{"keyspace":"default","key":"a"}]}""")
                : await _server.SendAsync(new HttpMethod(method), path);
            var problem = await Problems.AssertIsAsync(response, code);
            Assert.Equal("Because of 7.", problem.GetProperty("detail").GetString());
            Assert.Equal(failure.Retryable && failure.Code != ErrorCode.TransactionConflict, response.Headers.RetryAfter is not null);
            Assert.Equal(code is ErrorCode.TransactionConflict or ErrorCode.NotAnInteger, problem.TryGetProperty("keys", out _));
            Assert.Equal(code == ErrorCode.OutcomeUnknown, problem.TryGetProperty("txnId", out _));
        }
    }

    [Fact]
    public async Task A_bug_in_a_commit_leaves_it_uncertain()
    {
        _server.Transactions.NextException = new InvalidOperationException("inside");
        var problem = await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Post, "/v1/txn/00000000000000010000000000000002/commit"), ErrorCode.Internal);
        Assert.Equal("unknown", problem.GetProperty("outcome").GetString());
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_code_of_the_administration_becomes_its_document(ErrorCode code)
    {
        _server.Catalog.NextException = new GrainDbException(new Failure(code, ErrorTable.Of(code).Outcome, "Because of 7."));
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/keyspaces"), code);
        _server.Cluster.NextException = new GrainDbException(new Failure(code, ErrorTable.Of(code).Outcome, "Because of 7."));
        await Problems.AssertIsAsync(await _server.SendAsync(HttpMethod.Get, "/v1/ring"), code);
    }

    [Fact]
    public async Task What_may_have_been_proposed_is_504_and_never_503()
    {
        _server.Store.NextFailure = Failure.Unknown(ErrorCode.Unavailable, "Lost the leader.");
        var response = await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/a");
        var problem = await Problems.AssertIsAsync(response, ErrorCode.OutcomeUnknown);
        Assert.Equal("unknown", problem.GetProperty("outcome").GetString());
        Assert.False(problem.GetProperty("retryable").GetBoolean());
        Assert.Null(response.Headers.RetryAfter);
    }

    [Fact]
    public async Task The_pause_that_the_store_asks_for_is_passed_on()
    {
        _server.Store.NextFailure = Failure.NotApplied(ErrorCode.Overloaded, "Full.") with { RetryAfter = TimeSpan.FromMilliseconds(2500) };
        var response = await _server.SendAsync(HttpMethod.Put, "/v1/kv/default/a");
        Assert.Equal(TimeSpan.FromSeconds(3), response.Headers.RetryAfter!.Delta);
    }

    [Theory]
    [InlineData("PUT", "unknown")]
    [InlineData("DELETE", "unknown")]
    [InlineData("GET", "notApplied")]
    public async Task A_bug_is_500_without_its_inside(string method, string outcome)
    {
        _server.Store.NextException = new InvalidOperationException("inside");
        var problem = await Problems.AssertIsAsync(await _server.SendAsync(new HttpMethod(method), "/v1/kv/default/a"), ErrorCode.Internal);
        Assert.Equal(outcome, problem.GetProperty("outcome").GetString());
        Assert.DoesNotContain("inside", problem.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Administration_that_runs_out_of_time_says_what_is_certain()
    {
        _server.Cluster.Gate = new TaskCompletionSource().Task;
        var read = await _server.SendAsync(HttpMethod.Get, "/v1/ring", request => request.Headers.Add("GrainDb-Timeout", "1ms"));
        await Problems.AssertIsAsync(read, ErrorCode.Unavailable);
        var write = await _server.SendAsync(HttpMethod.Post, "/v1/admin/gc", request => request.Headers.Add("GrainDb-Timeout", "1ms"));
        await Problems.AssertIsAsync(write, ErrorCode.OutcomeUnknown);
    }

    [Fact]
    public async Task Above_the_bound_on_operations_the_answer_is_429()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _server.Store.Gate = gate.Task;
        var first = _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a");
        await _server.Store.Arrived.Task;
        _server.Store.Arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var second = _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a");
        await _server.Store.Arrived.Task;
        var third = await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a");
        await Problems.AssertIsAsync(third, ErrorCode.Overloaded);
        Assert.NotNull(third.Headers.RetryAfter);
        gate.SetResult();
        Assert.Equal(404, (int)(await first).StatusCode);
        Assert.Equal(404, (int)(await second).StatusCode);
        Assert.Equal(404, (int)(await _server.SendAsync(HttpMethod.Get, "/v1/kv/default/a")).StatusCode);
    }

    [Fact]
    public async Task A_caller_that_goes_away_cancels_its_call()
    {
        _server.Store.Gate = new TaskCompletionSource().Task;
        using var leave = new CancellationTokenSource();
        var call = _server.Client.GetAsync(new Uri("/v1/kv/default/a", UriKind.Relative), leave.Token);
        await _server.Store.Arrived.Task;
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await _server.Store.Cancelled.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Every_code_explains_itself()
    {
        foreach (var code in Enum.GetValues<ErrorCode>())
        {
            var row = ErrorTable.Of(code);
            var description = await _server.GetJsonAsync($"/problems/{row.Name}");
            Assert.Equal(row.Status, description.GetProperty("status").GetInt32());
            Assert.Equal(row.Explanation, description.GetProperty("explanation").GetString());
        }
    }
}

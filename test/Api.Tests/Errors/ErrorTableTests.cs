using GrainDb.Api.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Tests.Errors;

public sealed class ErrorTableTests
{
    public static TheoryData<ErrorCode> Codes => [.. Enum.GetValues<ErrorCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_a_row_that_can_be_found(ErrorCode code)
    {
        var row = ErrorTable.Of(code);
        Assert.NotNull(row);
        Assert.Equal(code, row.Code);
        Assert.Same(row, ErrorTable.Find(row.Name));
        Assert.Matches("^[a-z]+(_[a-z]+)*$", row.Name);
        Assert.InRange(row.Status, 400, 599);
        Assert.NotEmpty(row.Title);
        Assert.NotEmpty(row.Explanation);
        // What a status below 500 or 503 says, is said of something that certainly did not happen.
        if (row.Status is < 500 or 503)
            Assert.Equal(Outcome.NotApplied, row.Outcome);
    }

    // The contract's table, row by row.
    [Theory]
    [InlineData("invalid_request", 400, "notApplied")]
    [InlineData("invalid_key", 400, "notApplied")]
    [InlineData("unsupported_for_family", 400, "notApplied")]
    [InlineData("forbidden", 403, "notApplied")]
    [InlineData("key_not_found", 404, "notApplied")]
    [InlineData("keyspace_not_found", 404, "notApplied")]
    [InlineData("keyspace_exists", 409, "notApplied")]
    [InlineData("snapshot_too_old", 410, "notApplied")]
    [InlineData("version_mismatch", 412, "notApplied")]
    [InlineData("key_too_large", 413, "notApplied")]
    [InlineData("value_too_large", 413, "notApplied")]
    [InlineData("txn_conflict", 409, "notApplied")]
    [InlineData("txn_not_found", 404, "notApplied")]
    [InlineData("txn_expired", 410, "notApplied")]
    [InlineData("txn_too_large", 413, "notApplied")]
    [InlineData("idempotency_in_progress", 409, "notApplied")]
    [InlineData("idempotency_mismatch", 422, "notApplied")]
    [InlineData("not_an_integer", 409, "notApplied")]
    [InlineData("too_many_siblings", 409, "notApplied")]
    [InlineData("conflict_not_found", 404, "notApplied")]
    [InlineData("overloaded", 429, "notApplied")]
    [InlineData("unavailable", 503, "notApplied")]
    [InlineData("outcome_unknown", 504, "unknown")]
    [InlineData("corruption", 500, "unknown")]
    [InlineData("internal", 500, "unknown")]
    public void The_contract(string name, int status, string outcome)
    {
        var row = ErrorTable.Find(name);
        Assert.NotNull(row);
        Assert.Equal(status, row.Status);
        Assert.Equal(outcome, ErrorTable.NameOf(row.Outcome));
    }

    [Theory]
    [InlineData(Outcome.Unknown)]
    [InlineData(Outcome.Applied)]
    public void Unavailable_is_only_said_of_what_was_not_applied(Outcome outcome)
    {
        var normal = ProblemMapper.Normalize(new Failure(ErrorCode.Unavailable, outcome, "x"));
        Assert.Equal(ErrorCode.OutcomeUnknown, normal.Code);
        Assert.Equal(outcome, normal.Outcome);
        Assert.Equal(ErrorCode.Unavailable, ProblemMapper.Normalize(Failure.NotApplied(ErrorCode.Unavailable, "x")).Code);
    }

    [Fact]
    public void An_unknown_outcome_never_claims_to_be_certain() =>
        Assert.Equal(Outcome.Unknown, ProblemMapper.Normalize(Failure.NotApplied(ErrorCode.OutcomeUnknown, "x")).Outcome);

    [Fact]
    public void Retry_after_is_whole_seconds_rounded_up()
    {
        Assert.Equal(2, ProblemMapper.RetryAfterSeconds(Failure.NotApplied(ErrorCode.Overloaded, "x") with { RetryAfter = TimeSpan.FromMilliseconds(1001) }));
        Assert.Equal(1, ProblemMapper.RetryAfterSeconds(Failure.NotApplied(ErrorCode.Unavailable, "x")));
        Assert.Equal(1, ProblemMapper.RetryAfterSeconds(Failure.NotApplied(ErrorCode.Unavailable, "x") with { RetryAfter = TimeSpan.Zero }));
        Assert.Null(ProblemMapper.RetryAfterSeconds(Failure.NotApplied(ErrorCode.KeyNotFound, "x")));
        Assert.Null(ProblemMapper.RetryAfterSeconds(Failure.NotApplied(ErrorCode.TransactionConflict, "x")));
    }

    [Theory]
    [InlineData("GET", ErrorCode.Internal, Outcome.NotApplied)]
    [InlineData("PUT", ErrorCode.Internal, Outcome.Unknown)]
    public void A_bug_leaves_a_write_uncertain(string method, ErrorCode code, Outcome outcome)
    {
        var failure = ProblemMiddleware.Describe(new InvalidOperationException("secret"), method);
        Assert.Equal(code, failure.Code);
        Assert.Equal(outcome, failure.Outcome);
        Assert.DoesNotContain("secret", failure.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Time_that_ran_out_leaves_a_write_uncertain()
    {
        Assert.Equal(ErrorCode.OutcomeUnknown, ProblemMiddleware.Describe(new OperationCanceledException(), "PUT").Code);
        Assert.Equal(ErrorCode.Unavailable, ProblemMiddleware.Describe(new OperationCanceledException(), "GET").Code);
    }

    [Fact]
    public void The_server_s_own_refusals_are_translated()
    {
        Assert.Equal(ErrorCode.RequestTooLarge, ProblemMiddleware.Describe(new BadHttpRequestException("x", 413), "PUT").Code);
        Assert.Equal(ErrorCode.InvalidRequest, ProblemMiddleware.Describe(new BadHttpRequestException("x", 408), "PUT").Code);
    }

    [Fact]
    public void A_conflict_names_its_keys_and_not_too_many()
    {
        var keys = Enumerable.Range(0, 1000).Select(i => new Interfaces.Errors.ConflictKey("default", i == 0 ? new byte[] { 0xFF } : System.Text.Encoding.UTF8.GetBytes($"k{i}"))).ToList();
        var problem = System.Text.Json.JsonDocument.Parse(ProblemMapper.Serialize(Failure.NotApplied(ErrorCode.TransactionConflict, "x") with { Keys = keys }, "t")).RootElement.GetProperty("keys");
        Assert.Equal(ProblemMapper.MaxConflictKeys, problem.GetArrayLength());
        Assert.Equal("""{"keyspace":"default","key64":"_w"}""", problem[0].GetRawText());
        Assert.Equal("""{"keyspace":"default","key":"k1"}""", problem[1].GetRawText());
    }

    [Fact]
    public void An_unknown_outcome_names_the_transaction_where_there_is_one()
    {
        var failure = Failure.Unknown(ErrorCode.OutcomeUnknown, "x");
        Assert.DoesNotContain("txnId", System.Text.Encoding.UTF8.GetString(ProblemMapper.Serialize(failure, "t")), StringComparison.Ordinal);
        var id = new Interfaces.Transactions.TransactionId(new Timestamp(1), 2);
        Assert.Contains(
            "\"txnId\":\"00000000000000010000000000000002\"",
            System.Text.Encoding.UTF8.GetString(ProblemMapper.Serialize(failure with { Transaction = id }, "t")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_mismatch_names_the_version_or_null()
    {
        var there = ProblemMapper.Serialize(Failure.NotApplied(ErrorCode.VersionMismatch, "x") with { CurrentVersion = new Timestamp(255) }, "t");
        Assert.Contains("\"currentVersion\":\"00000000000000ff\"", System.Text.Encoding.UTF8.GetString(there), StringComparison.Ordinal);
        var absent = ProblemMapper.Serialize(Failure.NotApplied(ErrorCode.VersionMismatch, "x"), "t");
        Assert.Contains("\"currentVersion\":null", System.Text.Encoding.UTF8.GetString(absent), StringComparison.Ordinal);
    }
}

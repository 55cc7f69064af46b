using System.Text.Json;
using GrainDb.Api.Errors;

namespace GrainDb.Api.Tests.Serving;

/// <summary>What every problem document must be.</summary>
internal static class Problems
{
    /// <summary>Checks all members against the table and gives the document back.</summary>
    public static JsonElement AssertIs(RawResponse response, ErrorCode code)
    {
        Assert.True(response.Headers.ContainsKey("Content-Type"), $"status {response.Status} without a body");
        Assert.Equal("application/problem+json", response.Headers["Content-Type"]);
        return AssertIs(response.Json, response.Status, code);
    }

    public static async Task<JsonElement> AssertIsAsync(HttpResponseMessage response, ErrorCode code)
    {
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return AssertIs(JsonDocument.Parse(body).RootElement, (int)response.StatusCode, code);
    }

    private static JsonElement AssertIs(JsonElement problem, int status, ErrorCode code)
    {
        var row = ErrorTable.Of(code);
        Assert.Equal(row.Name, problem.GetProperty("code").GetString());
        Assert.Equal(row.Status, status);
        Assert.Equal(row.Status, problem.GetProperty("status").GetInt32());
        Assert.Equal($"/problems/{row.Name}", problem.GetProperty("type").GetString());
        Assert.Equal(row.Title, problem.GetProperty("title").GetString());
        Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
        Assert.Contains(problem.GetProperty("outcome").GetString(), new[] { "notApplied", "unknown", "applied" });
        Assert.NotEmpty(problem.GetProperty("traceId").GetString()!);
        Assert.True(problem.GetProperty("retryable").ValueKind is JsonValueKind.True or JsonValueKind.False);
        return problem;
    }
}

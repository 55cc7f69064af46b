using System.Diagnostics;
using System.Net;
using Xunit;

namespace GrainDb.Silo.Tests.Processes;

public sealed class EmbeddedTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Serves_health_metrics_docs_and_dashboard_and_ends_with_0_on_SIGTERM()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var url = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        await using var process = GrainDbProcess.Start(_directory.Path, "--http", url);
        Assert.Equal("""{"status":"live"}""", await process.AnswersAsync($"{url}/health/live", HttpStatusCode.OK, cancellation));
        Assert.Equal("""{"status":"started"}""", await process.AnswersAsync($"{url}/health/startup", HttpStatusCode.OK, cancellation));
        Assert.Equal("""{"status":"ready"}""", await process.AnswersAsync($"{url}/health/ready", HttpStatusCode.OK, cancellation));
        Assert.Contains("orleans_", await process.AnswersAsync($"{url}/metrics", HttpStatusCode.OK, cancellation), StringComparison.Ordinal);
        Assert.Contains("scalar", await process.AnswersAsync($"{url}/docs/", HttpStatusCode.OK, cancellation), StringComparison.Ordinal);
        await process.AnswersAsync($"{url}/dashboard/", HttpStatusCode.OK, cancellation);

        using var client = new HttpClient();
        using var strange = new HttpRequestMessage(HttpMethod.Get, new Uri($"{url}/health/live")) { Headers = { Host = "rebound.example" } };
        using var refused = await client.SendAsync(strange, cancellation);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        using var live = await client.GetAsync(new Uri($"{url}/health/live"), cancellation);
        Assert.False(live.Headers.Contains("Server"));

        var stopping = Stopwatch.StartNew();
        process.Terminate();
        await process.EndsWellAsync(cancellation);
        Assert.InRange(stopping.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.Equal(
            Enumerable.Range(1, 3).Select(node => $"graindb ready node=node{node} http={url}"),
            process.Output.TrimEnd('\n').Split('\n').Order());
    }

    [Fact]
    public async Task While_it_drains_it_goes_on_serving_and_ends_each_connection_with_its_answer()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var url = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        await using var process = GrainDbProcess.Start(_directory.Path, "--nodes", "1", "--http", url);
        await process.AnswersAsync($"{url}/health/ready", HttpStatusCode.OK, cancellation);
        using var client = new HttpClient();
        process.Terminate();
        while (true)
        {
            using var answer = await client.GetAsync(new Uri($"{url}/health/ready"), cancellation); // refused, it would throw
            if (answer.StatusCode == HttpStatusCode.OK)
                continue; // the signal is still on its way
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            Assert.True(answer.Headers.ConnectionClose);
            break;
        }

        using var key = await client.GetAsync(new Uri($"{url}/v1/kv/default/k"), cancellation);
        Assert.Equal(HttpStatusCode.NotFound, key.StatusCode);
        Assert.True(key.Headers.ConnectionClose);
        await process.EndsWellAsync(cancellation);
    }

    [Fact]
    public async Task Ends_with_0_when_told_to_while_it_starts()
    {
        await using var process = GrainDbProcess.Start(_directory.Path, "--http", "http://127.0.0.1:0");
        while (!process.Errors.StartsWith("configuration: ", StringComparison.Ordinal))
            await Task.Delay(5, TestContext.Current.CancellationToken); // its first line; the signal is handled from before it
        process.Terminate();
        await process.EndsWellAsync(TestContext.Current.CancellationToken);
    }
}

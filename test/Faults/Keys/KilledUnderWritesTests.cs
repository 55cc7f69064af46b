using System.Diagnostics;
using System.Net;
using GrainDb.Silo.Tests;
using GrainDb.Silo.Tests.Processes;
using Xunit;

namespace GrainDb.Faults.Keys;

public sealed class KilledUnderWritesTests : IDisposable
{
    private const int Clients = 16;
    private const int WritesBeforeTheKill = 100;

    /// <summary>What an operator is promised for a node that was killed.</summary>
    private static readonly TimeSpan ReadyAgainWithin = TimeSpan.FromSeconds(5);

    private readonly TemporaryDirectory _directory = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    public void Dispose()
    {
        _http.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task After_kill_9_in_the_middle_of_writes_everything_acknowledged_is_there()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var endpoint = $"http://127.0.0.1:{GrainDbProcess.FreePort()}";
        var clients = Enumerable.Range(0, Clients).Select(number => new RecordingClient(_http, endpoint, "default", number)).ToList();
        await using (var server = Start(endpoint))
        {
            await server.AnswersAsync($"{endpoint}/health/ready", HttpStatusCode.OK, cancellationToken);
            var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var writing = clients.Select(client => client.WriteUntilGoneAsync(enough, WritesBeforeTheKill, cancellationToken)).ToList();
            await enough.Task.WaitAsync(cancellationToken);
            server.Kill();
            await Task.WhenAll(writing);
        }

        Assert.True(clients.Sum(client => client.Acknowledged) > WritesBeforeTheKill);
        var restarted = Stopwatch.StartNew();
        await using var again = Start(endpoint);
        await again.AnswersAsync($"{endpoint}/health/ready", HttpStatusCode.OK, cancellationToken);
        Assert.InRange(restarted.Elapsed, TimeSpan.Zero, ReadyAgainWithin * Slack);
        foreach (var client in clients)
            await client.VerifyAsync(cancellationToken);
    }

    [Fact]
    public async Task Of_three_processes_one_is_killed_and_comes_back_with_its_ranges()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var endpoints = Enumerable.Range(0, 3).Select(_ => $"http://127.0.0.1:{GrainDbProcess.FreePort()}").ToArray();
        var nodes = Enumerable.Range(1, 3).Select(node => StartNode(node, endpoints)).ToArray();
        try
        {
            for (var node = 0; node < 3; node++)
                await nodes[node].AnswersAsync($"{endpoints[node]}/health/ready", HttpStatusCode.OK, cancellationToken);
            using var created = await _http.PutAsync(
                new Uri($"{endpoints[0]}/v1/keyspaces/wide"),
                new StringContent("""{"partitioning":"hash","partitions":12,"replicationFactor":1}""", System.Text.Encoding.UTF8, "application/json"),
                cancellationToken);
            Assert.Equal(HttpStatusCode.Created, created.StatusCode);
            var written = new Dictionary<string, string>();
            for (var i = 0; i < 120; i++)
            {
                using var answer = await _http.PutAsync(new Uri($"{endpoints[i % 3]}/v1/kv/wide/k{i}"), new StringContent($"v{i}"), cancellationToken);
                Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
                written[$"k{i}"] = answer.Headers.ETag!.Tag;
            }

            nodes[2].Kill();
            await nodes[2].DisposeAsync();
            var statuses = new List<HttpStatusCode>();
            foreach (var key in written.Keys)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"{endpoints[0]}/v1/kv/wide/{key}");
                request.Headers.Add("GrainDb-Timeout", "1s");
                using var answer = await _http.SendAsync(request, cancellationToken);
                statuses.Add(answer.StatusCode);
            }

            // Its ranges are unavailable and say so; those of the others go on.
            Assert.Contains(HttpStatusCode.OK, statuses);
            Assert.Contains(HttpStatusCode.ServiceUnavailable, statuses);
            Assert.All(statuses, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, status.ToString()));

            nodes[2] = StartNode(3, endpoints);
            await nodes[2].AnswersAsync($"{endpoints[2]}/health/ready", HttpStatusCode.OK, cancellationToken);
            foreach (var (key, version) in written)
            {
                using var answer = await _http.GetAsync(new Uri($"{endpoints[1]}/v1/kv/wide/{key}"), cancellationToken);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                Assert.Equal(version, answer.Headers.ETag!.Tag);
            }
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    /// <summary>Test runs share their machine with other test runs; the figure itself is measured apart, see docs/performance.md.</summary>
    private static int Slack => 4;

    private GrainDbProcess Start(string endpoint) =>
        GrainDbProcess.Start(_directory.Path, "--nodes", "3", "--data", _directory["data"], "--http", endpoint);

    private GrainDbProcess StartNode(int node, string[] endpoints) => GrainDbProcess.Start(
        _directory.Path,
        "--node", $"node{node}",
        "--http", endpoints[node - 1],
        "--silo-port", $"{GrainDbProcess.FreePort()}",
        "--gateway-port", $"{GrainDbProcess.FreePort()}",
        "--data", _directory["data"],
        "--membership", $"file:{_directory["cluster"]}",
        "--bootstrap", "node1,node2,node3");
}

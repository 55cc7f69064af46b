using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Checking;

/// <summary>Holds a recorded history against what the healed cluster has in the end.</summary>
internal sealed class Audit(FaultCluster cluster, History history)
{
    private const int ShownViolations = 20;
    private const int Parallel = 4;

    /// <summary>Answers that a client must be prepared for; anything else is a bug of the server.</summary>
    private static readonly HashSet<string> Expected =
        ["200", "201", "404", "412", "429 overloaded", "503 unavailable", "504 outcome_unknown", "no answer", KeyClient.NotConnected];

    /// <summary>Everything that is serving answers again within this.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Nothing acknowledged is lost, nothing said not to be applied was, every key's operations are linearizable in the order of its versions,
    /// all nodes read the same in the end, and nobody got an answer that clients cannot be prepared for.
    /// </summary>
    /// <param name="alsoExpected">Answers that this fault excuses.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task AssertAsync(IReadOnlyCollection<string> alsoExpected, CancellationToken cancellationToken)
    {
        var operations = history.Operations;
        Assert.Contains(operations, operation => operation is { IsWrite: true, Outcome: OperationOutcome.Applied });
        Assert.Contains(operations, operation => operation is { IsWrite: false, Outcome: OperationOutcome.Applied, Found: not null });
        Assert.Contains(operations, operation => operation is { Kind: OperationKind.CompareAndSet, Outcome: OperationOutcome.Applied });

        var wrong = new ConcurrentQueue<string>(UnexpectedAnswers(operations, alsoExpected));
        var versionCount = 0;
        var keys = operations.GroupBy(operation => operation.Key).ToList();
        await System.Threading.Tasks.Parallel.ForEachAsync(keys.Index(), new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken }, async (entry, token) =>
        {
            var (index, ofKey) = entry;
            var versions = await VersionsAsync(cluster.Nodes[index % cluster.Nodes.Count], ofKey.Key, token);
            Interlocked.Add(ref versionCount, versions.Versions.Count);
            foreach (var violation in VersionOrder.Check(versions, [.. ofKey]))
                wrong.Enqueue(violation);
            foreach (var violation in SecondOpinion.Check(versions, ofKey))
                wrong.Enqueue(violation);
            foreach (var node in cluster.Nodes)
                await ReadsNewestAsync(node, versions, wrong, token);
        });
        Report.Say($"{operations.Count} operations on {keys.Count} keys with {versionCount} versions: {history.Summary()}");
        Assert.True(wrong.IsEmpty, $"{wrong.Count} violations:\n{string.Join('\n', wrong.Take(ShownViolations))}");
    }

    private static IEnumerable<string> UnexpectedAnswers(IEnumerable<Operation> operations, IReadOnlyCollection<string> alsoExpected) => operations
        .Where(operation => !Expected.Contains(operation.Answer) && !alsoExpected.Contains(operation.Answer) && !operation.Answer.StartsWith("broken connection", StringComparison.Ordinal))
        .GroupBy(operation => operation.Answer)
        .Select(group => $"{group.Count()} unexpected answers '{group.Key}', as in {group.First()}");

    private async Task ReadsNewestAsync(ClusterNode node, KeyVersions versions, ConcurrentQueue<string> wrong, CancellationToken cancellationToken)
    {
        using var answer = await AskAsync(node, $"kv/{FaultCluster.Keyspace}/{versions.Key}", cancellationToken);
        var newest = versions.Versions.Count == 0 ? null : versions.Versions[^1];
        var found = answer.StatusCode == HttpStatusCode.NotFound ? null : answer.Headers.ETag?.Tag.Trim('"');
        if (found != newest?.Version)
            wrong.Enqueue($"{versions.Key}: {node.Name} reads {found ?? "nothing"}, the newest version is {newest?.Version ?? "none"}");
    }

    private async Task<KeyVersions> VersionsAsync(ClusterNode node, string key, CancellationToken cancellationToken)
    {
        using var answer = await AskAsync(node, $"history/{FaultCluster.Keyspace}/{key}", cancellationToken);
        var rows = await answer.Content.ReadFromJsonAsync<HistoryRows>(JsonSerializerOptions.Web, cancellationToken);
        return new KeyVersions(key, [.. rows!.Versions.Reverse().Select(version => version with { Value = version.Value is { } text ? WrittenValue.NameOf(text) : null })]);
    }

    /// <summary>A cluster without faults answers; that it does so at once after the last fault is measured elsewhere.</summary>
    private async Task<HttpResponseMessage> AskAsync(ClusterNode node, string path, CancellationToken cancellationToken)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            HttpResponseMessage? answer = null;
            try
            {
                answer = await cluster.Http.GetAsync(new Uri($"{node.Url}/v1/{path}"), cancellationToken);
                if (answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.NotFound)
                    return answer;
                if (waited.Elapsed > Patience)
                    throw new InvalidOperationException($"{node.Name} does not answer {path} after {Patience.TotalSeconds} s: {await answer.Content.ReadAsStringAsync(cancellationToken)}");
                answer.Dispose();
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested && waited.Elapsed < Patience)
            {
                answer?.Dispose();
            }

            await Task.Delay(100, cancellationToken); // between two questions to another process
        }
    }

    private sealed record HistoryRows(IReadOnlyList<KeyVersion> Versions);
}

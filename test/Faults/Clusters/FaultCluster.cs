using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace GrainDb.Faults.Clusters;

/// <summary>
/// Nodes as processes of their own, with a keyspace whose ranges begin at <c>r0/</c>, <c>r1/</c> and so on, so that a key says which
/// range it belongs to. Ends all processes and removes all files with it.
/// </summary>
internal sealed class FaultCluster : IAsyncDisposable
{
    public const string Keyspace = "faults";

    /// <summary>Few: every range costs each of its nodes something per write.</summary>
    public const int Ranges = 3;

    public const int ReplicationFactor = 3;

    private static readonly TimeSpan QuestionPatience = TimeSpan.FromSeconds(5);

    private readonly INodeNetwork _network;
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("graindb-faults-");

    private FaultCluster(int nodes, INodeNetwork network)
    {
        _network = network;
        var bootstrap = string.Join(',', Enumerable.Range(1, nodes).Select(number => $"node{number}"));
        Nodes = [.. Enumerable.Range(1, nodes).Select(number => new ClusterNode(number, network, _directory.FullName, _directory.Name, bootstrap))];
    }

    public IReadOnlyList<ClusterNode> Nodes { get; }

    /// <summary>For questions to the nodes; what clients do has its own.</summary>
    public HttpClient Http { get; } = new() { Timeout = QuestionPatience };

    /// <summary>Starts the nodes and creates the keyspace.</summary>
    /// <param name="nodes">How many.</param>
    /// <param name="network">Belongs to the cluster from here on.</param>
    /// <param name="prepare">Done to a node before its first start.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<FaultCluster> StartAsync(int nodes, INodeNetwork network, Action<ClusterNode>? prepare, CancellationToken cancellationToken)
    {
        var cluster = new FaultCluster(nodes, network);
        try
        {
            foreach (var node in cluster.Nodes)
            {
                prepare?.Invoke(node);
                node.Start();
            }

            await cluster.ReadyAsync(cancellationToken);
            await cluster.CreateKeyspaceAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static string RangePrefix(int range) => $"r{range}/";

    public Task ReadyAsync(CancellationToken cancellationToken) => Task.WhenAll(Nodes.Select(node => node.ReadyAsync(cancellationToken)));

    public IReadOnlyList<ClusterNode> Others(ClusterNode node) => [.. Nodes.Where(other => other != node)];

    /// <summary>The ranges of the keyspace as one node sees them; null when it does not answer.</summary>
    public async Task<IReadOnlyList<RangeSight>?> LookAsync(ClusterNode through, CancellationToken cancellationToken) =>
        (await AskAsync<RangeSightList>(through, $"/v1/ranges?keyspace={Keyspace}", cancellationToken))?.Ranges;

    /// <summary>The node that leads most ranges.</summary>
    public async Task<ClusterNode> LeaderAsync(CancellationToken cancellationToken)
    {
        foreach (var node in Nodes.Where(node => node.IsRunning))
        {
            if (await LookAsync(node, cancellationToken) is { } ranges && ranges.Any(range => range.Leader is not null))
            {
                var name = ranges.Where(range => range.Leader is not null).CountBy(range => range.Leader!).MaxBy(pair => pair.Value).Key;
                return Nodes.Single(candidate => candidate.Name == name);
            }
        }

        throw new InvalidOperationException("nobody leads anything");
    }

    /// <summary>
    /// Waits until every range has a leader and all its replicas take part and hold the whole log. All nodes are meant to run.
    /// </summary>
    /// <returns>Null, or what was still missing when the time was up.</returns>
    public async Task<string?> WholeAsync(Func<TimeSpan> within, CancellationToken cancellationToken)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            StartAgainWhoWasDeclaredDead();
            var ranges = await LookAsync(Nodes.First(node => node.IsRunning), cancellationToken);
            var missing = ranges is null ? "no answer" : string.Join("; ", ranges.Where(range => !range.IsWhole(ReplicationFactor)).Select(range => range.ToString()));
            if (missing.Length == 0)
                return null;
            if (waited.Elapsed > within())
                return missing;
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }
    }

    /// <summary>Waits until some replica of a node is in a state.</summary>
    /// <returns>Whether it was seen in time.</returns>
    public async Task<bool> SeesAsync(ClusterNode node, string state, TimeSpan within, CancellationToken cancellationToken)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        do
        {
            if (await LookAsync(Others(node)[0], cancellationToken) is { } ranges
                && ranges.Any(range => range.Replicas.Any(replica => replica.Node == node.Name && replica.State == state)))
                return true;
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }
        while (waited.Elapsed < within);
        return false;
    }

    /// <summary>A counter of a node's process, over all its labels; zero when it never counted.</summary>
    public async Task<double> CounterAsync(ClusterNode node, string name, CancellationToken cancellationToken)
    {
        var metrics = await Http.GetStringAsync(new Uri($"{node.Url}/metrics"), cancellationToken);
        return metrics.Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is '{' or ' ')
            .Sum(line => double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture));
    }

    /// <summary>Waits until the others hold a node for dead.</summary>
    /// <returns>Whether they did in time.</returns>
    public async Task<bool> SeesDeadAsync(ClusterNode node, TimeSpan within, CancellationToken cancellationToken)
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        do
        {
            if (await AskAsync<NodeSightList>(Others(node)[0], "/v1/nodes", cancellationToken) is { Nodes: var nodes } && nodes.Any(sight => sight.Name == node.Name && !sight.Live))
                return true;
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }
        while (waited.Elapsed < within);
        return false;
    }

    /// <summary>
    /// A node that the others declared dead while it was silent ends itself as soon as it learns of that, perhaps after it was reachable again. It
    /// is started again, as any supervisor would; a node that ended for another reason is not.
    /// </summary>
    public void StartAgainWhoWasDeclaredDead()
    {
        foreach (var node in Nodes.Where(node => !node.IsRunning))
        {
            if (!node.WasDeclaredDead)
                throw new InvalidOperationException($"{node.Name} ended by itself");
            Report.Say($"{node.Name} was declared dead, had ended itself and is started again");
            node.Start();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
        await _network.DisposeAsync();
        Http.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<T?> AskAsync<T>(ClusterNode through, string path, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await Http.GetFromJsonAsync<T>(new Uri(through.Url + path), JsonSerializerOptions.Web, cancellationToken);
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException || (exception is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private async Task CreateKeyspaceAsync(CancellationToken cancellationToken)
    {
        var body = new { partitions = Ranges, replicationFactor = ReplicationFactor, splitKeys = Enumerable.Range(1, Ranges - 1).Select(RangePrefix) };
        using var answer = await Http.PutAsJsonAsync(new Uri($"{Nodes[0].Url}/v1/keyspaces/{Keyspace}"), body, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.Created)
            throw new InvalidOperationException($"the keyspace was not created: {await answer.Content.ReadAsStringAsync(cancellationToken)}");
    }
}

using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Recording;

/// <summary>How a workload behaves.</summary>
internal sealed record WorkloadOptions
{
    public int Clients { get; init; } = 32;

    /// <summary>Number of the first client. Two workloads of one history have no client in common.</summary>
    public int FirstClient { get; init; }

    /// <summary>Keys that are in use at a time, in each range. Few, so that clients meet.</summary>
    public int KeysPerRange { get; init; } = 4;

    /// <summary>After so long other keys take their turn: the history of one key stays short enough to be checked.</summary>
    public TimeSpan KeyTurn { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest pause of a client between two operations; zero for none.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Length of the values.</summary>
    public int ValueBytes { get; init; } = 120;

    public ClientPatience Patience { get; init; } = ClientPatience.Default;
}

/// <summary>
/// Clients that read, write, and compare and set the same few keys through all nodes. A client stays with a node until that one fails it,
/// as behind a load balancer.
/// </summary>
internal sealed class Workload : IAsyncDisposable
{
    private const int PercentReads = 40;
    private const int PercentPuts = 25;

    /// <summary>One in so many operations a client moves to another node for no reason, so that a node that was away is used again.</summary>
    private const int OperationsPerMove = 100;

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);

    private readonly IReadOnlyList<ClusterNode> _nodes;
    private readonly History _history;
    private readonly WorkloadOptions _options;
    private readonly CancellationTokenSource _stop = new();
    private readonly SocketsHttpHandler _connections = new();
    private readonly HttpClient _http;
    private readonly List<Task> _clients;

    private Workload(IReadOnlyList<ClusterNode> nodes, History history, WorkloadOptions options, CancellationToken cancellationToken)
    {
        _nodes = nodes;
        _history = history;
        _options = options;
        _http = new HttpClient(_connections) { Timeout = Timeout.InfiniteTimeSpan };
        _clients = [.. Enumerable.Range(options.FirstClient, options.Clients).Select(number => Task.Run(() => RunAsync(number, cancellationToken), CancellationToken.None))];
    }

    /// <param name="nodes">The nodes that clients use.</param>
    /// <param name="history">Takes down what they do.</param>
    /// <param name="options">How they behave.</param>
    /// <param name="cancellationToken">The end of the test.</param>
    public static Workload Start(IReadOnlyList<ClusterNode> nodes, History history, WorkloadOptions options, CancellationToken cancellationToken) =>
        new(nodes, history, options, cancellationToken);

    /// <summary>Every client finishes what it is at.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            _http.Dispose();
            _connections.Dispose();
            _stop.Dispose();
        }
    }

    private async Task RunAsync(int number, CancellationToken cancellationToken)
    {
        var random = new Random(number);
        var client = new KeyClient(_http, _history, number, _options.Patience, _options.ValueBytes);
        var versions = new Dictionary<string, string>();
        var node = number % _nodes.Count;
        while (!_stop.IsCancellationRequested)
        {
            var key = ChooseKey(random);
            var operation = await StepAsync(client, _nodes[node], key, versions.GetValueOrDefault(key), random, cancellationToken);
            var isAnswered = operation.Outcome is OperationOutcome.Applied or OperationOutcome.ConditionFailed;
            if (isAnswered && operation.Version is { } version)
                versions[key] = version;
            if (!isAnswered || random.Next(OperationsPerMove) == 0)
                node = (node + 1) % _nodes.Count;
            await PauseAsync(isAnswered ? _options.LongestPause * random.NextDouble() : PauseAfterFailure);
        }
    }

    private string ChooseKey(Random random)
    {
        var turn = (long)(_history.Now / _options.KeyTurn);
        return $"{FaultCluster.RangePrefix(random.Next(FaultCluster.Ranges))}{turn}/{random.Next(_options.KeysPerRange)}";
    }

    private static Task<Operation> StepAsync(KeyClient client, ClusterNode node, string key, string? version, Random random, CancellationToken cancellationToken) =>
        random.Next(100) switch
        {
            < PercentReads => client.ReadAsync(node, key, cancellationToken),
            < PercentReads + PercentPuts => client.PutAsync(node, key, cancellationToken),
            _ when version is null => client.CreateAsync(node, key, cancellationToken),
            _ => client.CompareAndSetAsync(node, key, version, cancellationToken),
        };

    private async Task PauseAsync(TimeSpan pause)
    {
        if (pause > TimeSpan.Zero)
            await Task.Delay(pause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

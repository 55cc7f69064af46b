using System.Globalization;
using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Recording;

/// <summary>Clients that write large values, each under a key of its own, to all ranges in turn: so that states grow fast.</summary>
internal sealed class BulkLoad : IAsyncDisposable
{
    private const int Clients = 2;
    private const int FirstClient = 2_000_000;
    private const int ValueBytes = 256 * 1024;

    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler()) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly List<Task> _clients;

    /// <param name="nodes">The nodes that clients use.</param>
    /// <param name="history">Takes down what they do.</param>
    /// <param name="cancellationToken">The end of the test.</param>
    public BulkLoad(IReadOnlyList<ClusterNode> nodes, History history, CancellationToken cancellationToken) =>
        _clients = [.. Enumerable.Range(FirstClient, Clients).Select(number => Task.Run(() => RunAsync(number, nodes, history, cancellationToken), CancellationToken.None))];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(int number, IReadOnlyList<ClusterNode> nodes, History history, CancellationToken cancellationToken)
    {
        var client = new KeyClient(_http, history, number, ClientPatience.Default, ValueBytes);
        for (var write = 0; !_stop.IsCancellationRequested; write++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{FaultCluster.RangePrefix((number + write) % FaultCluster.Ranges)}bulk/{number}/{write}");
            await client.PutAsync(nodes[write % nodes.Count], key, cancellationToken);
        }
    }
}

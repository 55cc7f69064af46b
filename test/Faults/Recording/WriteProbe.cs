using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Recording;

/// <summary>
/// Measures how long nobody could write: from the moment of a fault, in every range, starts a write at a fixed pace without waiting for
/// the ones before, through nodes that are said to be well, until one that began after the fault is acknowledged.
/// </summary>
internal sealed class WriteProbe(IReadOnlyList<ClusterNode> through, History history)
{
    /// <summary>Numbers of probing clients begin here.</summary>
    private const int FirstClient = 1_000_000;

    private const int ValueBytes = 120;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(50);
    private static int _clients = FirstClient;

    /// <returns>From the fault to the acknowledgement, of the slowest range; null when some range took nothing for so long.</returns>
    public async Task<TimeSpan?> MeasureAsync(TimeSpan fault, TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler()) { Timeout = Timeout.InfiniteTimeSpan };
        var ranges = await Task.WhenAll(Enumerable.Range(0, FaultCluster.Ranges).Select(range => MeasureAsync(http, range, fault, atMost, cancellationToken)));
        return ranges.Contains(null) ? null : ranges.Max();
    }

    private async Task<TimeSpan?> MeasureAsync(HttpClient http, int range, TimeSpan fault, TimeSpan atMost, CancellationToken cancellationToken)
    {
        var key = $"{FaultCluster.RangePrefix(range)}probe/{fault.TotalMilliseconds:0}";
        var writes = new List<Task>();
        long first = 0;
        using var pace = new PeriodicTimer(Pace);
        for (var i = 0; Volatile.Read(ref first) == 0 && history.Now - fault < atMost; i++)
        {
            writes.Add(WriteAsync(through[i % through.Count]));
            await pace.WaitForNextTickAsync(cancellationToken);
        }

        await Task.WhenAll(writes);
        return first == 0 ? null : TimeSpan.FromTicks(first);

        async Task WriteAsync(ClusterNode node)
        {
            var client = new KeyClient(http, history, Interlocked.Increment(ref _clients), ClientPatience.Default, ValueBytes);
            var operation = await client.PutAsync(node, key, cancellationToken);
            if (operation.Outcome == OperationOutcome.Applied)
                Interlocked.CompareExchange(ref first, (operation.Returned - fault).Ticks, 0);
        }
    }
}

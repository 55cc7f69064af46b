using System.Globalization;
using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Eventual;

/// <summary>
/// Clients that increment counters by 1, each increment with a key with which it is repeated, through one node after the other, until it is answered: what they were told is exactly what must count.
/// </summary>
internal sealed class CountingLoad : IAsyncDisposable
{
    private const int MaxReads = 100;

    private readonly EventualCalls _calls;
    private readonly IReadOnlyList<ClusterNode> _nodes;
    private readonly IReadOnlyList<string> _paths;
    private readonly int _most;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _clients;
    private Milestone? _milestone;
    private int _begun;
    private int _acknowledged;
    private int _refused;
    private int _unknown;

    /// <param name="calls">How to ask.</param>
    /// <param name="nodes">Whom.</param>
    /// <param name="paths">The counters; every client has one of them, and shares it with others where there are fewer counters than clients.</param>
    /// <param name="clients">How many.</param>
    /// <param name="most">Increments after which no more begin.</param>
    /// <param name="cancellationToken">Ends it without waiting for answers.</param>
    public CountingLoad(EventualCalls calls, IReadOnlyList<ClusterNode> nodes, IReadOnlyList<string> paths, int clients, int most, CancellationToken cancellationToken)
    {
        _calls = calls;
        _nodes = nodes;
        _paths = paths;
        _most = most;
        _cancellationToken = cancellationToken;
        _clients = [.. Enumerable.Range(0, clients).Select(client => Task.Run(() => CountAsync(client), cancellationToken))];
    }

    public int Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Whether all increments were made, or a client has ended in an error, which <see cref="StopAsync"/> tells.</summary>
    public bool IsDone => Acknowledged >= _most || Array.Exists(_clients, client => client.IsFaulted);

    /// <summary>Attempts by what became of them; all that were not acknowledged were made again.</summary>
    public string Summary => string.Create(CultureInfo.InvariantCulture, $"{Acknowledged} increments acknowledged; of the attempts {_refused} were refused and {_unknown} of unknown outcome, and made again");

    /// <summary>Waits until every client has counted again, or one has ended, which <see cref="StopAsync"/> tells where it is an error.</summary>
    /// <param name="times">How often each.</param>
    /// <param name="within">The time that they have.</param>
    /// <exception cref="TimeoutException">Some have not.</exception>
    public async Task EveryClientCountsAsync(int times, TimeSpan within)
    {
        var milestone = new Milestone(_clients.Length, times);
        Volatile.Write(ref _milestone, milestone);
        if (Array.Exists(_clients, client => client.IsCompleted))
            milestone.End();
        try
        {
            await milestone.Reached.WaitAsync(within, _cancellationToken);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{milestone.Missing} clients did not count {times} times in {within.TotalSeconds:0} s; {Summary}", exception);
        }
    }

    /// <summary>Begins no more increments, and waits for those that are not answered yet.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    /// <summary>What all counters hold together, read where every acknowledged increment is.</summary>
    public async Task<long> SumAsync()
    {
        var sum = 0L;
        foreach (var path in _paths)
            sum += await ReadAsync(path);
        return sum;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task<long> ReadAsync(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            var read = await _calls.SendAsync(HttpMethod.Get, _nodes[attempt % _nodes.Count], $"{path}?consistency=all");
            if (read.IsDone)
                return read.Json.GetProperty("value").GetInt64();
            if (read.Status == 404)
                return 0;
            if (attempt == MaxReads)
                throw new InvalidOperationException($"{path} cannot be read: {read}");
            await Task.Delay(100, _cancellationToken); // between two questions to other processes
        }
    }

    private async Task CountAsync(int client)
    {
        try
        {
            await CountOnAsync(client);
        }
        finally
        {
            Volatile.Read(ref _milestone)?.End();
        }
    }

    private async Task CountOnAsync(int client)
    {
        for (var number = 0; !_stop.IsCancellationRequested && Interlocked.Increment(ref _begun) <= _most; number++)
        {
            for (var attempt = 0; ; attempt++)
            {
                var node = _nodes[(client + attempt) % _nodes.Count];
                var key = string.Create(CultureInfo.InvariantCulture, $"count-{client}-{number}");
                var answer = await _calls.SendAsync(HttpMethod.Post, node, _paths[client % _paths.Count], """{"increment":1}""", idempotencyKey: key);
                if (answer.IsDone)
                    break;
                if (answer.Status is not (0 or 409 or 429 or 503 or 504))
                    throw new InvalidOperationException($"{node.Name} does not count: {answer}");
                Interlocked.Increment(ref answer.Status is 0 or 504 ? ref _unknown : ref _refused);
                await Task.Delay(50, _cancellationToken); // between two questions to other processes
            }

            Interlocked.Increment(ref _acknowledged);
            Volatile.Read(ref _milestone)?.Count(client);
        }
    }
}

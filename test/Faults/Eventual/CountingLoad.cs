using System.Globalization;
using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Eventual;

/// <summary>Clients that increment one counter by 1, each increment with a key with which it is repeated until it is answered: what they were told is exactly what must count.</summary>
internal sealed class CountingLoad : IAsyncDisposable
{
    private readonly EventualCalls _calls;
    private readonly IReadOnlyList<ClusterNode> _nodes;
    private readonly string _path;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _clients;
    private int _acknowledged;
    private int _repeated;

    public CountingLoad(EventualCalls calls, IReadOnlyList<ClusterNode> nodes, string path, int clients, CancellationToken cancellationToken)
    {
        _calls = calls;
        _nodes = nodes;
        _path = path;
        _cancellationToken = cancellationToken;
        _clients = [.. Enumerable.Range(0, clients).Select(client => Task.Run(() => CountAsync(client), cancellationToken))];
    }

    public int Acknowledged => _acknowledged;

    /// <summary>Attempts that were not answered, and were made again.</summary>
    public int Repeated => _repeated;

    /// <summary>Begins no more increments, and waits for those that are not answered yet.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task CountAsync(int client)
    {
        for (var number = 0; !_stop.IsCancellationRequested; number++)
        {
            for (var attempt = 0; ; attempt++)
            {
                var node = _nodes[(client + attempt) % _nodes.Count];
                var key = string.Create(CultureInfo.InvariantCulture, $"count-{client}-{number}");
                var answer = await _calls.SendAsync(HttpMethod.Post, node, _path, """{"increment":1}""", idempotencyKey: key);
                if (answer.IsDone)
                    break;
                if (answer.Status is not (0 or 409 or 429 or 503 or 504))
                    throw new InvalidOperationException($"{node.Name} does not count: {answer}");
                Interlocked.Increment(ref _repeated);
                await Task.Delay(50, _cancellationToken); // between two questions to other processes
            }

            Interlocked.Increment(ref _acknowledged);
        }
    }
}

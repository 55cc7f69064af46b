using System.Text.Json;
using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;

namespace GrainDb.Faults.Transactions;

/// <summary>
/// Reads the feed of a keyspace and is restarted every second, each time through another node and from a cursor a little before the last one that it got, as a reader does that died before it noted it.
/// What it then gets twice it tells by the cursor.
/// </summary>
internal sealed class FeedReader : IAsyncDisposable
{
    private const int Forgotten = 5;

    private static readonly TimeSpan Life = TimeSpan.FromSeconds(1);

    private readonly TransactionCalls _calls = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IReadOnlyList<ClusterNode> _nodes;
    private readonly string _keyspace;
    private readonly History _clock;
    private readonly Dictionary<string, (string Key, string Version)> _byCursor = [];
    private readonly List<string> _cursors = [];
    private readonly List<string> _wrong = [];
    private readonly Dictionary<string, string> _newest = [];
    private readonly Task _reading;
    private volatile string _complete = "";

    private FeedReader(IReadOnlyList<ClusterNode> nodes, string keyspace, string from, History clock)
    {
        _nodes = nodes;
        _keyspace = keyspace;
        _clock = clock;
        _reading = Task.Run(() => ReadAsync(from));
    }

    public int Restarts { get; private set; }

    public int Repeated { get; private set; }

    /// <summary>The feed is complete up to this version.</summary>
    public string Complete => _complete;

    public bool HasEnded => _reading.IsCompleted;

    /// <summary>Begins behind everything that is there.</summary>
    public static async Task<FeedReader> StartAsync(IReadOnlyList<ClusterNode> nodes, string keyspace, History clock, CancellationToken cancellationToken)
    {
        using var calls = new TransactionCalls();
        var now = await calls.SendAsync(HttpMethod.Get, nodes[0], $"watch/{keyspace}?wait=0s", cancellationToken);
        return new FeedReader(nodes, keyspace, now.Text("cursor"), clock);
    }

    /// <summary>Every change once; and what was wrong with how they came.</summary>
    public async Task<(IReadOnlyCollection<(string Key, string Version)> Changes, IReadOnlyList<string> Wrong)> StopAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        return (_byCursor.Values, _wrong);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _calls.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAsync(string from)
    {
        for (var node = 0; !_stop.IsCancellationRequested; node++)
        {
            var cursor = _cursors.Count > Forgotten ? _cursors[^Forgotten] : from;
            var born = _clock.Now;
            while (!_stop.IsCancellationRequested && _clock.Now - born < Life)
            {
                var page = await _calls.SendAsync(HttpMethod.Get, _nodes[node % _nodes.Count], $"watch/{_keyspace}?from={cursor}&wait=300ms", CancellationToken.None);
                if (!page.IsDone)
                {
                    if (page.Said.StartsWith('4'))
                        throw new InvalidOperationException($"the feed refuses {cursor}: {page}");
                    break;
                }

                foreach (var change in page.Body.GetProperty("events").EnumerateArray())
                    Take(change);
                cursor = page.Text("cursor");
                if (string.CompareOrdinal(page.Text("resolvedTimestamp"), _complete) > 0)
                    _complete = page.Text("resolvedTimestamp");
            }

            Restarts++;
        }
    }

    private void Take(JsonElement change)
    {
        var cursor = change.GetProperty("cursor").GetString()!;
        var (key, version) = (change.GetProperty("key").GetString()!, change.GetProperty("version").GetString()!);
        if (_byCursor.TryGetValue(cursor, out var known))
        {
            Repeated++;
            if (known != (key, version))
                _wrong.Add($"cursor {cursor} was {known} and is ({key}, {version})");
            return;
        }

        if (_newest.TryGetValue(key, out var before) && string.CompareOrdinal(version, before) <= 0)
            _wrong.Add($"{key}: {version} came after {before}");
        if (string.CompareOrdinal(version, _complete) <= 0)
            _wrong.Add($"{key}: {version} came after the feed was said to be complete up to {_complete}");
        _newest[key] = version;
        _byCursor.Add(cursor, (key, version));
        _cursors.Add(cursor);
    }
}

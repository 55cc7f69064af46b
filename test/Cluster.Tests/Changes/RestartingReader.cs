using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Cluster.Tests.Changes;

/// <summary>
/// Reads a feed from its beginning and is restarted again and again: each time it goes on a little before where it was, as a reader does that
/// died before it noted its cursor. What it then gets twice it tells by the cursor.
/// </summary>
internal sealed class RestartingReader : IAsyncDisposable
{
    /// <summary>Batches after which it is restarted.</summary>
    private const int Life = 5;

    /// <summary>Changes that it forgets then.</summary>
    private const int Forgotten = 3;

    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<FeedPosition> _seen = [];
    private readonly List<FeedChange> _changes = [];
    private readonly IChangeFeed _feed;
    private readonly GrainDbCluster _cluster;
    private readonly string _keyspace;
    private readonly Task _reading;
    private Timestamp _complete;

    public RestartingReader(GrainDbCluster cluster, int node, string keyspace)
    {
        _cluster = cluster;
        _feed = cluster.Service<IChangeFeed>(node);
        _keyspace = keyspace;
        _reading = Task.Run(ReadAsync);
    }

    public int Restarts { get; private set; }

    public int Repeated { get; private set; }

    /// <summary>In the order in which they came; once it has stopped.</summary>
    public IReadOnlyList<FeedChange> Changes => _changes;

    /// <summary>Waits until the feed is complete up to a version.</summary>
    public async Task UntilAsync(Timestamp version)
    {
        await _cluster.UntilAsync(() => Task.FromResult(_reading.IsCompleted || Complete >= version));
        if (_reading.IsCompleted)
            await _reading;
    }

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _reading;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private Timestamp Complete
    {
        get
        {
            lock (_changes)
                return _complete;
        }
    }

    private async Task ReadAsync()
    {
        var from = new FeedPosition(new Timestamp(1), Delivered: 0, Incarnation: 0);
        while (!_stopping.IsCancellationRequested)
        {
            var opening = await _feed.OpenAsync(new(_keyspace, default, from, IsConnected: true), GrainDbCluster.Timeout, CancellationToken.None);
            if (opening.Failure is { } failure)
            {
                Assert.Equal(ErrorCode.Unavailable, failure.Code);
                continue;
            }

            await using (var stream = opening.Stream!)
                from = await ReadAsync(stream);
            Restarts++;
        }
    }

    private async Task<FeedPosition> ReadAsync(IChangeStream stream)
    {
        for (var batches = 0; batches < Life && !_stopping.IsCancellationRequested; batches++)
        {
            ChangeBatch batch;
            try
            {
                batch = await stream.NextAsync(TimeSpan.FromMilliseconds(200), _stopping.Token);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            Assert.Null(batch.End);
            lock (_changes)
            {
                foreach (var change in batch.Changes)
                    Take(change);
                _complete = Timestamp.Later(_complete, batch.Position.CompleteUpTo);
            }
        }

        return _changes.Count > Forgotten ? _changes[^Forgotten].Position : new FeedPosition(new Timestamp(1), Delivered: 0, Incarnation: 0);
    }

    private void Take(FeedChange change)
    {
        if (!_seen.Add(change.Position))
        {
            Repeated++;
            Assert.Contains(_changes, known => known.Position == change.Position && known.Key.Span.SequenceEqual(change.Key.Span) && known.Version == change.Version);
            return;
        }

        if (_changes.Count > 0)
            Assert.True(change.Version >= _changes[^1].Version, "out of order");
        _changes.Add(change);
    }
}

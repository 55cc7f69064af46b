using GrainDb.Engine.Changes;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Changes;

/// <summary>
/// One open feed: a <see cref="RangeReading"/> for every range that it concerns, merged into one order. When the ranges of the keyspace are
/// others than they were, all readings begin again behind what was given out; what was read and not given out is read again.
/// <para>Nothing of it survives the node: the reader goes on elsewhere with its last position.</para>
/// </summary>
internal sealed class ChangeStream : IChangeStream
{
    /// <summary>Changes in one batch.</summary>
    private const int MaxBatchChanges = 1_000;

    /// <summary>Bytes of keys and values after which a batch ends.</summary>
    private const int MaxBatchBytes = 1024 * 1024;

    /// <summary>Bytes that wait here for the reader before ranges are no longer asked for more. Each range may add one answer, shrunk to a share of it.</summary>
    public const int MaxWaitingBytes = 4 * 1024 * 1024;

    /// <summary>The least that an answer of a range may have, however many ranges share the bound.</summary>
    private const int MinAnswerBytes = 16 * 1024;

    /// <summary>How long the ranges have to say that they are complete up to now, when progress is to be told.</summary>
    private static readonly TimeSpan ProgressPatience = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly ChangeFeedQuery _query;
    private readonly RangeCalls _calls;
    private readonly HybridLogicalClock _clock;
    private readonly TimeProvider _time;
    private readonly Action _onClosed;
    private readonly Guid _id;
    private TaskCompletionSource _news = NewSignal();
    private StreamGeneration _generation;
    private Failure? _end;
    private bool _closed;

    public ChangeStream(ChangeFeedQuery query, FeedPosition from, KeyspaceMap map, RangeCalls calls, HybridLogicalClock clock, TimeProvider time, Action onClosed)
    {
        _query = query;
        _calls = calls;
        _clock = clock;
        _time = time;
        _onClosed = onClosed;
        _id = query.IsConnected ? Guid.NewGuid() : Guid.Empty;
        _generation = NewGeneration(map, from);
    }

    public FeedPosition Position
    {
        get
        {
            lock (_lock)
                return _generation.Merger.Position;
        }
    }

    /// <summary>Asks every range once, and begins to follow them.</summary>
    /// <returns>Why not; null when it is open.</returns>
    public async Task<Failure?> OpenAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var generation = _generation;
        var answers = await Task.WhenAll(generation.Readings.Select(reading => reading.AskAsync(timeout, wait: TimeSpan.Zero, cancellationToken)));
        if (Array.Find(answers, failure => failure is not null) is { } refused)
            return refused;
        generation.Start(before: Task.CompletedTask);
        return null;
    }

    public async ValueTask<ChangeBatch> NextAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var isLastLook = false;
        while (true)
        {
            Task news;
            lock (_lock)
            {
                if (TryTake() is { } batch)
                    return batch;
                if (isLastLook)
                    return new([], _generation.Merger.Position, null);
                news = _news.Task;
            }

            var left = wait - _time.GetElapsedTime(started);
            if (left > TimeSpan.Zero && await IsWithinAsync(news, left, cancellationToken))
                continue;
            await ResolveUpToNowAsync(cancellationToken);
            isLastLook = true;
        }
    }

    public async ValueTask DisposeAsync()
    {
        StreamGeneration generation;
        lock (_lock)
        {
            if (_closed)
                return;
            _closed = true;
            generation = _generation;
        }

        await _closing.CancelAsync();
        await generation.Ended;
        _closing.Dispose();
        _onClosed();
    }

    /// <summary>Something was read.</summary>
    public void Tell()
    {
        TaskCompletionSource news;
        lock (_lock)
            (news, _news) = (_news, NewSignal());
        news.TrySetResult();
    }

    /// <summary>The feed cannot go on.</summary>
    public void End(StreamGeneration generation, Failure failure)
    {
        lock (_lock)
        {
            if (_generation == generation)
                _end ??= failure;
        }

        Tell();
    }

    /// <summary>The keyspace has other ranges: all begin again behind what was given out.</summary>
    public void Replace(StreamGeneration generation, KeyspaceMap map)
    {
        lock (_lock)
        {
            if (_generation != generation || _closed || _end is not null)
                return;
            var position = generation.Merger.Position;
            if (ChangeFeed.IncarnationOf(map) != position.Incarnation)
            {
                _end = ChangeFeed.OtherKeyspace(_query.Keyspace);
            }
            else
            {
                _generation = NewGeneration(map, position);
                _generation.Start(generation.Ended);
            }
        }

        _ = generation.StopAsync();
        Tell();
    }

    /// <summary>The next changes that are complete, or the end; null when there are none. Under the lock.</summary>
    private ChangeBatch? TryTake()
    {
        if (_end is not null)
            return new([], _generation.Merger.Position, _end);
        var taken = _generation.Merger.Take(MaxBatchChanges, MaxBatchBytes);
        if (taken.Count == 0)
            return null;
        _generation.MakeRoom();
        var partitioning = _generation.Map.Keyspace.Partitioning;
        return new(taken.ConvertAll(next => ToFeed(next.Position, next.Change, partitioning)), _generation.Merger.Position, null);
    }

    private static FeedChange ToFeed(FeedPosition position, RangeChange change, KeyspacePartitioning partitioning) => new(
        position,
        RoutingKey.ToUserKey(partitioning, change.Key),
        change.Version,
        change.Deleted,
        change.Previous,
        change.ExpiresAt,
        change.ContentType,
        change.Value,
        change.Transaction);

    /// <summary>Waits, for a moment, until every range is complete up to the present, or there are changes.</summary>
    private async Task ResolveUpToNowAsync(CancellationToken cancellationToken)
    {
        var now = _clock.Now();
        var started = _time.GetTimestamp();
        while (true)
        {
            Task news;
            lock (_lock)
            {
                var merger = _generation.Merger;
                if (_end is not null || merger.Resolved >= now || !merger.Wanted.IsZero)
                    return;
                _generation.Want(now);
                news = _news.Task;
            }

            var left = ProgressPatience - _time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || !await IsWithinAsync(news, left, cancellationToken))
                return;
        }
    }

    private async Task<bool> IsWithinAsync(Task news, TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            await news.WaitAsync(wait, _time, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private StreamGeneration NewGeneration(KeyspaceMap map, FeedPosition from)
    {
        var isHashed = map.Keyspace.Partitioning == KeyspacePartitioning.Hash;
        var end = ScanQuery.EndOfPrefix(_query.Prefix);
        var filter = isHashed && !_query.Prefix.IsEmpty ? new KeyInterval(_query.Prefix, end) : null;
        var (start, stop) = isHashed ? ([], null) : (_query.Prefix.ToArray(), end?.ToArray());
        var ranges = map.Ranges.Where(range => Overlaps(range, start, stop)).ToList();
        var share = Math.Clamp(MaxWaitingBytes / ranges.Count, MinAnswerBytes, ChangeLimits.MaxBytesPerAnswer);
        var generation = new StreamGeneration(this, _lock, map, new ChangeMerger(from, ranges.Count), _id, _closing.Token) { Readings = [] };
        generation.Readings =
        [
            .. ranges.Select((range, index) => new RangeReading(
                generation,
                index,
                range,
                new RangeChanges { After = default, Generation = range.Generation, Start = start, End = stop, Filter = filter, MaxBytes = share },
                _calls,
                _time)),
        ];
        return generation;
    }

    private static bool Overlaps(RangeDescriptor range, byte[] start, byte[]? end) =>
        (range.End is null || range.End.AsSpan().SequenceCompareTo(start) > 0) && (end is null || range.Start.AsSpan().SequenceCompareTo(end) < 0);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

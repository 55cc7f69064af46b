using System.Text;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>Feeds that give out what a test puts into them, one change a batch.</summary>
internal sealed class FakeFeed : IChangeFeed
{
    public static readonly FeedPosition Now = new(Timestamp.FromTime(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), Delivered: 0, Incarnation: 7);

    private readonly Lock _lock = new();
    private readonly Queue<ChangeBatch> _batches = new();
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _open;

    /// <summary>Refuses the next opening.</summary>
    public Failure? NextFailure { get; set; }

    public ChangeFeedQuery? LastQuery { get; private set; }

    public TimeSpan LastWait { get; private set; }

    public int Open => Volatile.Read(ref _open);

    /// <summary>When there is nothing else: a change of this many bytes, for ever.</summary>
    public int EndlessBytes { get; set; }

    /// <summary>Behind the change that was given out last.</summary>
    public FeedPosition Given { get; private set; } = Now;

    /// <summary>Completes when a stream is closed.</summary>
    public TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static FeedChange Put(int number, string key, string value, string contentType = "text/plain", Timestamp previous = default, TransactionId transaction = default) => new(
        PositionOf(number), Encoding.Latin1.GetBytes(key), PositionOf(number).Timestamp, false, previous, default, contentType, Encoding.Latin1.GetBytes(value), transaction);

    public static FeedChange Delete(int number, string key, Timestamp previous) =>
        new(PositionOf(number), Encoding.Latin1.GetBytes(key), PositionOf(number).Timestamp, true, previous, default, "", default, default);

    public static FeedPosition PositionOf(int number) => Now with { Timestamp = new(Now.Timestamp.Value + (ulong)number) };

    public void Publish(params FeedChange[] changes) => Publish(new ChangeBatch(changes, changes[^1].Position, null));

    public void End(Failure failure) => Publish(new ChangeBatch([], Given, failure));

    public ValueTask<ChangeFeedOpening> OpenAsync(ChangeFeedQuery query, TimeSpan timeout, CancellationToken cancellationToken)
    {
        LastQuery = query;
        if (NextFailure is { } failure)
        {
            NextFailure = null;
            return new(new ChangeFeedOpening(failure, null));
        }

        Interlocked.Increment(ref _open);
        return new(new ChangeFeedOpening(null, new Stream(this, query.From ?? Now)));
    }

    private void Publish(ChangeBatch batch)
    {
        lock (_lock)
        {
            _batches.Enqueue(batch);
            _news.TrySetResult();
            _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private sealed class Stream(FakeFeed feed, FeedPosition from) : IChangeStream
    {
        public FeedPosition Position { get; private set; } = from;

        public async ValueTask<ChangeBatch> NextAsync(TimeSpan wait, CancellationToken cancellationToken)
        {
            feed.LastWait = wait;
            while (true)
            {
                Task news;
                lock (feed._lock)
                {
                    if (feed._batches.TryDequeue(out var batch) || TryMake(out batch))
                    {
                        feed.Given = Position = batch.Position;
                        return batch;
                    }

                    news = feed._news.Task;
                }

                if (wait == TimeSpan.Zero)
                    return new([], Position, null);
                await news.WaitAsync(cancellationToken);
            }
        }

        public ValueTask DisposeAsync()
        {
            Interlocked.Decrement(ref feed._open);
            feed.Closed.TrySetResult();
            return default;
        }

        private bool TryMake(out ChangeBatch batch)
        {
            var change = Put((int)(Position.Timestamp.Value - Now.Timestamp.Value) + 1, "endless", new string('x', feed.EndlessBytes));
            batch = new([change], change.Position, null);
            return feed.EndlessBytes > 0;
        }
    }
}

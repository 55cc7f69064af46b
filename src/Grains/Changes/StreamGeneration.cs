using GrainDb.Engine.Changes;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Changes;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Grains.Changes;

/// <summary>
/// The readings of a feed's ranges while those stay what they are, and what they have read. All of it under the feed's lock; no call goes out
/// under it.
/// </summary>
internal sealed class StreamGeneration
{
    private readonly ChangeStream _stream;
    private readonly Lock _lock;
    private readonly CancellationTokenSource _closing;
    private readonly Guid _feed;
    private TaskCompletionSource _room = NewSignal();
    private Timestamp _wanted;

    public StreamGeneration(ChangeStream stream, Lock streamLock, KeyspaceMap map, ChangeMerger merger, Guid feed, CancellationToken closing)
    {
        _stream = stream;
        _lock = streamLock;
        _feed = feed;
        _closing = CancellationTokenSource.CreateLinkedTokenSource(closing);
        Map = map;
        Merger = merger;
        _wanted = merger.Position.Timestamp;
    }

    public KeyspaceMap Map { get; }

    public ChangeMerger Merger { get; }

    public required IReadOnlyList<RangeReading> Readings { get; set; }

    /// <summary>Completes when nothing of it runs any more.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>Begins to follow the ranges. Once.</summary>
    /// <param name="before">What ran before it and may still be ending.</param>
    public void Start(Task before) =>
        Ended = Task.WhenAll([before, .. Readings.Select(reading => Task.Run(() => reading.RunAsync(_closing.Token), CancellationToken.None))]);

    public Task StopAsync() => _closing.CancelAsync();

    /// <summary>Completes the request of a reading.</summary>
    public RangeChanges Fill(RangeChanges template, int index)
    {
        lock (_lock)
        {
            var after = Merger.FrontierOf(index);
            return template with
            {
                After = after,
                AtLeast = after < _wanted ? _wanted : Timestamp.Max,
                Feed = _feed,
                Hold = Merger.Position.CompleteUpTo,
            };
        }
    }

    public void Add(int index, RangeChangesResult answer)
    {
        lock (_lock)
        {
            Merger.Add(index, answer);
            Want(Merger.Wanted);
        }

        _stream.Tell();
    }

    /// <summary>Every range is to say soon that it is complete up to a timestamp. Under the lock.</summary>
    public void Want(Timestamp resolved)
    {
        if (resolved <= _wanted)
            return;
        _wanted = resolved;
        for (var index = 0; index < Readings.Count; index++)
        {
            if (Merger.FrontierOf(index) < resolved)
                Readings[index].CallBack();
        }
    }

    /// <summary>A reading begins a call that may wait.</summary>
    public void Park(int index, Action mark)
    {
        lock (_lock)
        {
            // One that asks for what is wanted waits for that, and is not called back for more before it has it.
            if (Merger.FrontierOf(index) >= _wanted)
                mark();
        }
    }

    public void Unpark(Action mark)
    {
        lock (_lock)
            mark();
    }

    /// <summary>Waits while too much of what was read is not given out yet. A range of which nothing waits may always be asked, or nothing would ever be complete.</summary>
    public async Task WaitForRoomAsync(int index, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (Merger.WaitingBytes < ChangeStream.MaxWaitingBytes || !Merger.HasWaiting(index))
                    return;
                room = _room.Task;
            }

            await room.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Something was given out. Under the lock.</summary>
    public void MakeRoom()
    {
        var room = _room;
        _room = NewSignal();
        room.TrySetResult();
    }

    public void Replace(KeyspaceMap map) => _stream.Replace(this, map);

    public void End(Failure failure) => _stream.End(this, failure);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

using GrainDb.Interfaces.Eventual;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// States on their way from one node to one replica on another. Few messages are under way at a time; what comes meanwhile waits, and goes together in the next one, as writes of a log share a sync. So writes of many
/// clients cost their replicas few messages, and a replica that does not answer holds up a bounded number of bytes: what finds no room is answered with silence, as if the message had been lost, and
/// reaches the replica by a hint or a comparison. So is what waits behind a message that nobody answered: it would only wait as long again.
/// <para>
/// What goes together has one replica, configuration and epoch, and shares one answer. Where that is a refusal for want of room or for a state that cannot be taken, each goes again alone, so that one
/// does not fail for the others. States may overtake each other; merging does not mind.
/// </para>
/// </summary>
/// <param name="send">Sends a message; does not throw. Null when no answer came in time.</param>
/// <param name="schedule">Runs something soon on another thread: what was handed over until then goes together.</param>
/// <param name="room">Bytes that may wait for the node, whatever the replica.</param>
/// <param name="maxBatchBytes">Bytes of states in one message. A single larger request goes alone.</param>
public sealed class MergeLane(Func<MergeRequest, Task<MergeAnswer?>> send, Action<Action> schedule, MergeRoom room, int maxBatchBytes)
{
    /// <summary>Messages under way at a time: while one waits for the disk the next is already there.</summary>
    private const int MaxUnderWay = 2;

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private int _underWay;

    /// <summary>Sends a request, perhaps together with others.</summary>
    /// <returns>The answer; null when none came in time, or there was no room.</returns>
    public Task<MergeAnswer?> SendAsync(MergeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var waiting = new Waiting(request);
        if (!room.TryTake(waiting.Bytes))
            return Task.FromResult<MergeAnswer?>(null);
        lock (_gate)
        {
            _waiting.Enqueue(waiting);
            if (_underWay == MaxUnderWay)
                return waiting.Task;
            _underWay++;
        }

        schedule(Start);
        return waiting.Task;
    }

    private void Start() => _ = SendAllAsync();

    private async Task SendAllAsync()
    {
        while (Next() is { Count: > 0 } batch)
        {
            var answer = await send(Together(batch));
            if (answer is null)
                batch.AddRange(TakeAll());
            if (answer is { Outcome: EventualOutcome.Unable } && batch.Count > 1)
            {
                foreach (var waiting in batch)
                    End(waiting, await send(waiting.Request));
            }
            else
            {
                batch.ForEach(waiting => End(waiting, answer));
            }
        }
    }

    /// <returns>What goes next; nothing when nothing waits, and then this message is not under way any more.</returns>
    private List<Waiting> Next()
    {
        lock (_gate)
        {
            List<Waiting> batch = [];
            var bytes = 0L;
            while (_waiting.TryPeek(out var waiting) && (batch.Count == 0 || (bytes + waiting.Bytes <= maxBatchBytes && waiting.GoesWith(batch[0]))))
            {
                batch.Add(_waiting.Dequeue());
                bytes += waiting.Bytes;
            }

            if (batch.Count == 0)
                _underWay--;
            return batch;
        }
    }

    private List<Waiting> TakeAll()
    {
        lock (_gate)
        {
            List<Waiting> all = [.. _waiting];
            _waiting.Clear();
            return all;
        }
    }

    private static MergeRequest Together(List<Waiting> batch) => batch is [var only]
        ? only.Request
        : batch[0].Request with { Items = [.. batch.SelectMany(waiting => waiting.Request.Items)], Requests = [.. batch.SelectMany(waiting => waiting.Request.Requests)] };

    private void End(Waiting waiting, MergeAnswer? answer)
    {
        room.Give(waiting.Bytes);
        waiting.Complete(answer);
    }

    private sealed class Waiting(MergeRequest request)
    {
        private readonly TaskCompletionSource<MergeAnswer?> _answered = new();

        public MergeRequest Request => request;

        public long Bytes { get; } = request.Items.Sum(item => (long)item.Key.Length + item.State.Length);

        public Task<MergeAnswer?> Task => _answered.Task;

        public bool GoesWith(Waiting other) =>
            request.Replica == other.Request.Replica && request.Configuration == other.Request.Configuration && request.Epoch == other.Request.Epoch;

        public void Complete(MergeAnswer? answer) => _answered.TrySetResult(answer);
    }
}

/// <summary>Bytes of states that may wait for one node, or be under way to it. A single request finds room whenever nothing else waits.</summary>
/// <param name="bytes">How many.</param>
public sealed class MergeRoom(long bytes)
{
    private readonly Lock _gate = new();
    private long _taken;

    /// <summary>Takes room for so many bytes.</summary>
    /// <returns>False: there is none.</returns>
    public bool TryTake(long wanted)
    {
        lock (_gate)
        {
            if (_taken > 0 && _taken + wanted > bytes)
                return false;
            _taken += wanted;
            return true;
        }
    }

    /// <summary>Gives it back.</summary>
    public void Give(long given)
    {
        lock (_gate)
            _taken -= given;
    }
}

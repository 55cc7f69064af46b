using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// Heartbeats of this node's leaders to the replicas of one other node. A few calls are on their way at a time, and all that come meanwhile go together in the
/// next: the cost of an idle range is that of an entry in a message, and one call that takes long holds up nobody else's. What counts for a lease is when
/// a leader made its heartbeat, so waiting here shortens the lease and never lengthens it.
/// </summary>
internal sealed class Heartbeats(Func<INodeGrain?> find)
{
    /// <summary>Calls on their way at a time.</summary>
    public const int MaxCalls = 4;

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private int _calls;

    private readonly record struct Waiting(RangeHeartbeat Heartbeat, TaskCompletionSource<AppendAnswer?> Answer);

    /// <returns>The replica's answer; null when there is none.</returns>
    public Task<AppendAnswer?> SendAsync(RangeId range, AppendRequest heartbeat)
    {
        var answer = new TaskCompletionSource<AppendAnswer?>(TaskCreationOptions.RunContinuationsAsynchronously); // what one range commits by it does not hold up the next one's
        lock (_gate)
        {
            _waiting.Enqueue(new Waiting(new RangeHeartbeat(range, heartbeat), answer));
            if (_calls == MaxCalls)
                return answer.Task;
            _calls++;
        }

        _ = Task.Run(SendAllAsync);
        return answer.Task;
    }

    private async Task SendAllAsync()
    {
        while (Take() is { } batch)
        {
            var answers = await CallAsync(Array.ConvertAll(batch, waiting => waiting.Heartbeat));
            for (var i = 0; i < batch.Length; i++)
                batch[i].Answer.SetResult(answers?[i]);
        }
    }

    private Waiting[]? Take()
    {
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                _calls--;
                return null;
            }

            var batch = new Waiting[Math.Min(_waiting.Count, RangeHeartbeat.MaxPerCall)];
            for (var i = 0; i < batch.Length; i++)
                batch[i] = _waiting.Dequeue();
            return batch;
        }
    }

    /// <summary>Whatever keeps the node from answering is silence of all its replicas.</summary>
    private async Task<AppendAnswer[]?> CallAsync(RangeHeartbeat[] heartbeats)
    {
        try
        {
            return find() is { } node && await node.HeartbeatAsync(heartbeats) is { } answers && answers.Length == heartbeats.Length ? answers : null;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return null;
        }
    }
}

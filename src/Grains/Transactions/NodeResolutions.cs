using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>This node's decisions on their way to participants, while the node runs.</summary>
internal sealed class NodeResolutions : IResolutions, ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    private readonly ResolutionQueue _queue;

    public NodeResolutions(TransactionRanges ranges, TimeProvider time) => _queue = new ResolutionQueue(
        (range, resolutions) => ranges.ResolveAsync(range, resolutions, CallTimeout),
        static work => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), work, preferLocal: false),
        time);

    /// <summary>Decisions that are not confirmed yet, counted once per participant.</summary>
    public int Count => _queue.Count;

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(
        nameof(NodeResolutions),
        ServiceLifecycleStage.RuntimeInitialize,
        _ => Task.CompletedTask,
        _ =>
        {
            _queue.Stop();
            return Task.CompletedTask;
        });

    public Task<bool> ResolveAsync(Resolution resolution, IReadOnlyList<RangeId> participants) => _queue.ResolveAsync(resolution, participants);

    public void Settle(TransactionId transaction, RangeId anchor) => _queue.Settle(transaction, anchor);
}

using GrainDb.Grains.Eventual;
using GrainDb.Grains.Ranges;
using GrainDb.Grains.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>
/// The node's housekeeping while it serves: garbage collection, and unloading of ranges that are idle or, above the memory budget, were idle longest. One thing at a time, so that it never takes more than one core.
/// </summary>
internal sealed class RangeMaintenance(
    ReplicaHost host,
    EventualHost eventual,
    GarbageCollection garbage,
    StorageOptions options,
    TimeProvider time,
    ILogger<RangeMaintenance> logger) : BackgroundLoop
{
    /// <summary>Above the memory budget a range must have been idle for at least this long to be unloaded.</summary>
    private static readonly TimeSpan LeastIdle = TimeSpan.FromSeconds(1);

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(options.MaintenanceInterval, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            try
            {
                await CollectGarbageAsync(stopping);
                await UnloadAsync(stopping);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                // A range that went away in the middle must not end the housekeeping of the others.
                RangeMaintenanceLog.RoundFailed(logger, exception);
            }
        }
    }

    private async Task CollectGarbageAsync(CancellationToken stopping)
    {
        foreach (var (range, slot) in host.Open)
        {
            if (slot is { Leader: null, Replica: { } follower })
                GarbageCollection.CollectSlice(follower);
            if (stopping.IsCancellationRequested || slot.Leader is not { IsStopped: false } leader || !garbage.IsDue(leader, options.ShortestCollectionInterval))
                continue;
            try
            {
                await garbage.CollectAsync(leader);
            }
            catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
            {
                RangeMaintenanceLog.CollectionFailed(logger, exception, range);
            }
        }
    }

    /// <summary>A leader is idle when nobody asks it anything; a follower when its leader has stopped and falls silent.</summary>
    private async Task UnloadAsync(CancellationToken stopping)
    {
        var open = host.Open
            .Select(entry => (Idle: IdleFor(entry.Slot), Bytes: entry.Slot.Replica?.GetFigures().AllocatedBytes ?? 0, Unload: (Func<Task>)(() => host.UnloadAsync(entry.Range, stopping))))
            .Concat(eventual.Open.Select(entry => (
                Idle: time.GetElapsedTime(entry.Slot.LastUsed), Bytes: entry.Replica.GetFigures().AllocatedBytes, Unload: (Func<Task>)(() => eventual.UnloadAsync(entry.Partition, stopping)))))
            .OrderByDescending(entry => entry.Idle)
            .ToList();
        var inMemory = open.Sum(entry => entry.Bytes);
        foreach (var (idle, bytes, unload) in open)
        {
            if (idle < options.UnloadIdleAfter && (inMemory <= options.MemoryBudgetBytes || idle < LeastIdle))
                return;
            inMemory -= bytes;
            await unload();
        }
    }

    private static TimeSpan IdleFor(ReplicaSlot slot) =>
        slot.Leader?.IdleFor ?? (slot.Acceptor is { ExpectsLeader: false } follower ? follower.SilentFor : TimeSpan.Zero);
}

/// <summary>Log messages of maintenance: event ids 1100–1199.</summary>
internal static partial class RangeMaintenanceLog
{
    [LoggerMessage(1100, LogLevel.Error, "range {Range}: garbage collection failed")]
    public static partial void CollectionFailed(ILogger logger, Exception exception, Interfaces.Ranges.RangeId range);

    [LoggerMessage(1101, LogLevel.Error, "a round of maintenance failed; the next one goes on")]
    public static partial void RoundFailed(ILogger logger, Exception exception);
}

using GrainDb.Grains.Eventual;
using GrainDb.Grains.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Hosting;

/// <summary>Writes the checkpoints of logs that grew, one at a time and at a pace, while the node serves. Beside <see cref="RangeMaintenance"/>, which has no time to wait for them.</summary>
internal sealed class DueCheckpoints(ReplicaHost host, EventualHost eventual, StorageOptions options, TimeProvider time, ILogger<DueCheckpoints> logger) : BackgroundLoop
{
    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        var rate = new CheckpointRate(options.CheckpointBytesPerSecond, Logged, time);
        using var timer = new PeriodicTimer(options.MaintenanceInterval, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            try
            {
                await WriteAsync(() => rate.BytesPerSecond, stopping);
            }
            catch (Exception exception) when (!stopping.IsCancellationRequested)
            {
                // A range that went away in the middle must not end the checkpoints of the others.
                RangeMaintenanceLog.RoundFailed(logger, exception);
            }
        }
    }

    private async Task WriteAsync(Func<long> bytesPerSecond, CancellationToken stopping)
    {
        foreach (var (range, slot) in host.Open)
        {
            if (!stopping.IsCancellationRequested && slot.Replica is { } replica && replica.ShouldCheckpoint())
                await host.CheckpointWhenDueAsync(range, bytesPerSecond, stopping);
        }

        foreach (var (partition, _, replica) in eventual.Open)
        {
            if (!stopping.IsCancellationRequested && replica.ShouldCheckpoint())
                await eventual.CheckpointWhenDueAsync(partition, bytesPerSecond, stopping);
        }
    }

    private IEnumerable<(object Replica, long Logged)> Logged()
    {
        foreach (var (_, slot) in host.Open)
        {
            if (slot.Replica is { } replica)
                yield return (replica, replica.LoggedBytes);
        }

        foreach (var (_, _, replica) in eventual.Open)
            yield return (replica, replica.LoggedBytes);
    }
}

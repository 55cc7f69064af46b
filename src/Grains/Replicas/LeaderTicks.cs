using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>The passing of time for all leaders of the node: heartbeats, second attempts, waits that end.</summary>
internal sealed class LeaderTicks(ReplicaHost host, ReplicationOptions options, TimeProvider time, ILogger<LeaderTicks> logger) : BackgroundLoop
{
    /// <summary>Ticks per heartbeat interval.</summary>
    private const int PerHeartbeat = 4;

    /// <summary>Leaders that drain at the end still need to know that time passes.</summary>
    protected override int Stage => ServiceLifecycleStage.RuntimeInitialize - 1;

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(options.HeartbeatInterval / PerHeartbeat, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var (_, slot) in host.Open)
            {
                try
                {
                    slot.Leader?.Tick();
                }
                catch (Exception exception)
                {
                    ReplicaHostLog.RoundFailed(logger, exception); // the other leaders need their ticks
                }
            }
        }
    }
}

using GrainDb.Engine.Ranges;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using Microsoft.Extensions.Logging;
using Orleans.Runtime.Placement;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// The first thing that a node does when it is told to stop, while it is still a full member of the cluster: it stands for nothing any more, and hands
/// every leadership to another node. Later would be too late: a silo that is shutting down drops calls that are on their way to it, and their
/// callers cannot know what became of them.
/// </summary>
internal sealed class LeaderDrain(ReplicaHost host, MetaCache meta, LiveNodes live, TimeProvider time, ILogger<LeaderDrain> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Behind everything else that stops.</summary>
    private const int Stage = ServiceLifecycleStage.Active + 1;

    /// <summary>A node that cannot hand over in this time stops all the same; its lease runs out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(LeaderDrain), Stage, _ => Task.CompletedTask, StopAsync);

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        host.IsLeaving = true;
        var started = time.GetTimestamp();
        var asked = new HashSet<RangeLeader>();
        while (!cancellationToken.IsCancellationRequested && time.GetElapsedTime(started) < Patience)
        {
            var left = 0;
            foreach (var (_, slot) in host.Open)
            {
                if (slot is not { Leader: { IsStopped: false } leader, Activation: { } activation } || FindHeir(leader) is not { } heir)
                    continue;
                left++;
                if (!asked.Add(leader))
                    continue;
                activation.Migrate(new Dictionary<string, object> { [IPlacementDirector.PlacementHintKey] = heir }, cancellationToken);
                leader.ReleaseWatchers(); // it moves when no call waits in it
            }

            if (left == 0)
                break;
            await Task.Delay(Round, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (asked.Count > 0)
            ReplicaHostLog.Drained(logger, asked.Count, (long)time.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>A live voter on another node, first in the range's order of those that have everything; null when there is none.</summary>
    private SiloAddress? FindHeir(RangeLeader leader)
    {
        var voters = (meta.Find(leader.Range)?.Replicas ?? []).Where(replica => replica.Id != leader.Replica.Options.Incarnation && live.Find(replica.Node) is not null).ToList();
        return (voters.Find(voter => leader.IsCaughtUp(voter.Id)) ?? voters.FirstOrDefault()) is { } heir ? live.Find(heir.Node) : null;
    }
}

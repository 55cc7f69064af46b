using GrainDb.Engine.Ranges;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Ranges;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// The first thing that a node does when it is told to stop, while it is still a full member of the cluster: it stands for nothing any more, hands
/// every leadership to another node, and stays until its own replicas have heard of the new leaders. A silo that is shutting down drops calls
/// that are on their way to it, and their callers cannot know what became of them; once there is another leader, nobody calls this one any more.
/// </summary>
internal sealed class LeaderDrain(ReplicaHost host, LeaderHandover handover, MetaCache meta, LiveNodes live, TimeProvider time, ILogger<LeaderDrain> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Behind everything else that stops.</summary>
    private const int Stage = ServiceLifecycleStage.Active + 1;

    /// <summary>A node that cannot hand over in this time stops all the same; its leases run out.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <summary>How long an heir that leads may take to be heard of here.</summary>
    private static readonly TimeSpan HearingPatience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Rounds that follow when everything is led elsewhere: calls that were sent here before their senders heard of it are answered. Counted, so that a
    /// process that stands still does not leave earlier.
    /// </summary>
    private const int LastRounds = 10;

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(LeaderDrain), Stage, _ => Task.CompletedTask, StopAsync);

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        host.IsLeaving = true;
        var started = time.GetTimestamp();
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var (count, left) = (0, 0);
        try
        {
            // Again, because an election that was under way may have been won meanwhile.
            var known = new HashSet<RangeLeader>();
            while (host.Open.Select(open => open.Slot.Leader).OfType<RangeLeader>().Where(leader => !leader.IsStopped && known.Add(leader)).ToList() is [_, ..] leaders)
            {
                var handed = await Task.WhenAll(leaders.Select(leader => HandOverAsync(leader, either.Token)));
                count += handed.Count(isLed => isLed is not null);
                left += handed.Count(isLed => isLed is false);
            }

            for (var round = 0; count > left && round < LastRounds; round++)
                await Task.Delay(Round, time, either.Token);
        }
        catch (OperationCanceledException)
        {
            // The time is up.
        }

        if (count > 0)
            ReplicaHostLog.Drained(logger, count, (long)time.GetElapsedTime(started).TotalMilliseconds, left);
    }

    /// <returns>Whether another node leads; null where there is no other that could.</returns>
    private async Task<bool?> HandOverAsync(RangeLeader leader, CancellationToken cancellationToken)
    {
        var heirs = HeirsOf(leader);
        if (heirs.Count == 0)
            return null;
        await handover.EndAsync(leader, heirs[0], cancellationToken);
        foreach (var heir in heirs)
        {
            if (await handover.AskAsync(leader.Range, heir, cancellationToken))
                return await IsHeardOfAsync(leader.Range, cancellationToken);
        }

        return false;
    }

    /// <summary>Whether the own replica follows the new leader, which it does a moment after that was elected.</summary>
    private async Task<bool> IsHeardOfAsync(RangeId range, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (host.FindOpen(range) is { ExpectsLeader: false })
        {
            if (time.GetElapsedTime(started) > HearingPatience)
                return false;
            await Task.Delay(Round, time, cancellationToken);
        }

        return true;
    }

    /// <summary>The live voters on other nodes in the range's order, those that have everything first.</summary>
    private List<string> HeirsOf(RangeLeader leader) =>
    [
        .. (meta.Find(leader.Range)?.Replicas ?? [])
            .Where(replica => replica.Id != leader.Replica.Options.Incarnation && live.Find(replica.Node) is not null)
            .OrderByDescending(replica => leader.IsCaughtUp(replica.Id))
            .Select(replica => replica.Node),
    ];
}

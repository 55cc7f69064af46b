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

    /// <summary>Before the next voter is asked to stand, when nobody is heard of.</summary>
    private static readonly TimeSpan PatienceWithHeir = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(20);

    /// <summary>Rounds that follow when everything is led elsewhere: calls that were sent here before their senders heard of it are answered. Counted, so that a process that stands still does not leave earlier.</summary>
    private const int LastRounds = 10;

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(LeaderDrain), Stage, _ => Task.CompletedTask, StopAsync);

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        host.IsLeaving = true;
        var started = time.GetTimestamp();
        var handed = new Dictionary<RangeId, Handed>();
        for (var quiet = 0; quiet < LastRounds && !cancellationToken.IsCancellationRequested && time.GetElapsedTime(started) < Patience;)
        {
            foreach (var (range, slot) in host.Open)
            {
                if (slot.Leader is { IsStopped: false } leader && !handed.ContainsKey(range) && Heirs(leader) is [var first, ..] heirs)
                    handed.Add(range, new(heirs, handover.RunAsync(leader, first, cancellationToken), time.GetTimestamp()));
            }

            var left = handed.Count(entry => !IsLedElsewhere(entry.Key, entry.Value));
            quiet = left > 0 ? 0 : quiet + 1;
            if (handed.Count == 0)
                break;
            await Task.Delay(Round, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (handed.Count > 0)
            ReplicaHostLog.Drained(logger, handed.Count, (long)time.GetElapsedTime(started).TotalMilliseconds, handed.Count(entry => !IsLedElsewhere(entry.Key, entry.Value)));
    }

    /// <summary>Whether the own replica follows somebody; where it does not in time, the next voter is asked.</summary>
    private bool IsLedElsewhere(RangeId range, Handed handed)
    {
        if (!handed.Running.IsCompleted)
            return false;
        if (host.FindOpen(range) is not { } replica || replica is { ExpectsLeader: true, Heir: "" })
            return true;
        if (time.GetElapsedTime(handed.AskedAt) > PatienceWithHeir)
        {
            handed.AskedAt = time.GetTimestamp();
            handed.Next = (handed.Next + 1) % handed.Heirs.Count;
            handover.Ask(range, handed.Heirs[handed.Next]).Ignore();
        }

        return false;
    }

    /// <summary>The live voters on other nodes in the range's order, those that have everything first.</summary>
    private List<string> Heirs(RangeLeader leader) =>
    [
        .. (meta.Find(leader.Range)?.Replicas ?? [])
            .Where(replica => replica.Id != leader.Replica.Options.Incarnation && live.Find(replica.Node) is not null)
            .OrderByDescending(replica => leader.IsCaughtUp(replica.Id))
            .Select(replica => replica.Node),
    ];

    private sealed class Handed(List<string> heirs, Task running, long askedAt)
    {
        public List<string> Heirs => heirs;

        public Task Running => running;

        public long AskedAt { get; set; } = askedAt;

        public int Next { get; set; }
    }
}

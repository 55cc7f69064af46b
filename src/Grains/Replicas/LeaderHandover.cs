using GrainDb.Engine.Ranges;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// Leadership goes to another node: (1) the heir catches up, for a moment; (2) the leader takes nothing new, finishes what it has taken, and releases its
/// lease with the heir's name, so that calls go there from then on; (3) the heir is asked to stand; when it does not make it, whoever comes first. After a crash in between
/// nobody leads until a call, or the care of another node, makes somebody stand.
/// </summary>
internal sealed class LeaderHandover(ReplicaHost host, IGrainFactory grains, TimeProvider time)
{
    /// <summary>How long the leader goes on so that the heir has everything; a candidate that is behind fetches what it lacks while nobody can write.</summary>
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromSeconds(2);

    /// <summary>The same where nobody is in a hurry.</summary>
    private static readonly TimeSpan TransferPatience = TimeSpan.FromSeconds(10);

    /// <summary>How long an heir may take to be elected; an election takes milliseconds when the lease is released.</summary>
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(10);

    /// <summary>Hands over, also to a heir that is behind. Returns when the leadership has ended and the heir has been asked, without its answer.</summary>
    public async Task RunAsync(RangeLeader leader, string heir, CancellationToken cancellationToken)
    {
        await EndAsync(leader, heir, cancellationToken);
        AskOrWakeAsync(leader.Range, heir).Ignore();
    }

    /// <summary>Hands over as soon as the heir has everything, and not at all where that takes too long.</summary>
    /// <returns>Whether the leader still leads.</returns>
    public async Task<bool> TransferAsync(RangeLeader leader, string heir, CancellationToken cancellationToken)
    {
        if (!await CatchesUpAsync(leader, heir, TransferPatience, cancellationToken))
            return !leader.IsStopped;
        await RunAsync(leader, heir, cancellationToken);
        return false;
    }

    /// <summary>The first two steps.</summary>
    public async Task EndAsync(RangeLeader leader, string heir, CancellationToken cancellationToken)
    {
        await CatchesUpAsync(leader, heir, CatchUpPatience, cancellationToken);
        await host.HandOverAsync(leader, heir);
    }

    /// <summary>Asks a node to stand.</summary>
    /// <returns>Whether it leads now; false also when it does not say so in time.</returns>
    public async Task<bool> AskAsync(RangeId range, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<IRangeLeaderGrain>(new ReplicaKey(range, name).ToString()).StandAsync().WaitAsync(ElectionPatience, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return false;
        }
    }

    private async Task AskOrWakeAsync(RangeId range, string heir)
    {
        if (!await AskAsync(range, heir, CancellationToken.None))
            await grains.GetGrain<IKeyRangeGrain>(range.Value).WakeAsync();
    }

    private async Task<bool> CatchesUpAsync(RangeLeader leader, string heir, TimeSpan patience, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (leader is { IsStopped: false, HasLease: true })
        {
            if (HasEverything(leader, heir))
                return true;
            if (time.GetElapsedTime(started) >= patience)
                return false;
            await Task.Delay(Round, time, cancellationToken);
        }

        return false;
    }

    private static bool HasEverything(RangeLeader leader, string heir) =>
        Array.Find(leader.Configuration.Voters, voter => voter.Node == heir) is { } voter && leader.IsCaughtUp(voter.Id);
}

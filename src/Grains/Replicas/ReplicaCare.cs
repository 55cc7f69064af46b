using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// What the node does so that its ranges stay led and complete: stands where a leader fell silent, beside the grain directory, which
/// keeps pointing to a node that hangs until the cluster has declared it dead; finishes changes of voters; replaces voters that are lost with their disks; hands leadership to the node that comes first in
/// the range's order once that is there and has everything.
/// </summary>
internal sealed class ReplicaCare(
    NodeOptions node,
    NodeStorage storage,
    ReplicaHost host,
    MetaCache meta,
    LiveNodes live,
    LeaderHandover handover,
    LeaderRoutes routes,
    IGrainFactory grains,
    ReplicationOptions options,
    TimeProvider time,
    ILogger<ReplicaCare> logger) : BackgroundLoop
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromSeconds(1);

    /// <summary>After the end of a lease nobody stands for so long: its leader may be about to be heard of.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a voter that comes before may take to be heard of as the leader.</summary>
    private static readonly TimeSpan TurnLength = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a newcomer may take to catch up.</summary>
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromMinutes(10);

    /// <summary>How long a step of a change may take to be committed.</summary>
    private static readonly TimeSpan StepPatience = TimeSpan.FromSeconds(10);

    /// <summary>Lease durations without a quorum after which a leader gives up.</summary>
    private const int LeasesWithoutQuorum = 3;

    /// <summary>Ranges woken in one round because this node lost its replica of them.</summary>
    private const int MaxWakesAtOnce = 16;

    private readonly ConcurrentDictionary<RangeId, long> _lastAttempt = new();
    private readonly ConcurrentDictionary<RangeId, Task> _repairs = new();
    private readonly ConcurrentDictionary<RangeId, bool> _silent = new();
    private long _lastSearch;

    protected override ILogger Logger => logger;

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var (range, slot) in host.Open)
                Guard(() => LookAfter(range, slot, stopping));
            Guard(WakeRangesOfLostReplicas);
        }
    }

    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (Exception exception)
        {
            ReplicaHostLog.RoundFailed(logger, exception);
        }
    }

    private void LookAfter(RangeId range, ReplicaSlot slot, CancellationToken stopping)
    {
        if (slot is { Leader: { IsStopped: false } leader })
        {
            _silent.TryRemove(range, out _);
            if (leader.HasLease)
                Improve(range, leader, stopping);
            else if (leader.UnconfirmedFor > options.LeaseDuration * LeasesWithoutQuorum && MayTry(range))
                GiveUp(range, leader, stopping);
        }
        else if (slot is { Leader: null, Acceptor: { ExpectsLeader: true } acceptor } && IsMyTurn(range, acceptor) && MayTry(range))
        {
            if (_silent.TryAdd(range, true))
                ReplicaHostLog.Standing(logger, range);
            handover.AskAsync(range, node.Name, CancellationToken.None).Ignore();
        }
    }

    /// <summary>
    /// The voters that might stand in a silent leader's place do so one after the other, in the range's order, and not at once. The first one only waits for the
    /// lease to be over.
    /// </summary>
    private bool IsMyTurn(RangeId range, ReplicaAcceptor acceptor)
    {
        var over = acceptor.LeaseOverFor;
        if (host.IsLeaving || over < TimeSpan.Zero || meta.Find(range) is not { } descriptor)
            return false;
        var leader = acceptor.LeaderNode;
        var turn = descriptor.Nodes.Where(name => name == node.Name || (name != leader && live.Find(name) is not null)).ToList().IndexOf(node.Name);
        return turn >= 0 && over > Margin + (TurnLength * turn);
    }

    private void Improve(RangeId range, RangeLeader leader, CancellationToken stopping)
    {
        if (leader.Configuration.IsJoint || leader.LostVoters.Count > 0)
            Repair(leader, () => leader.Configuration.IsJoint ? FinishAsync(leader, stopping) : ReplaceAsync(leader, leader.LostVoters[0], stopping));
        else if (IsRowBehind(leader))
            Repair(leader, () => RecordAsync(leader, stopping));
        else if (FindBetter(leader) is not null && MayTry(range))
            _ = HandOverAsync(leader, stopping);
    }

    /// <summary>A leader that hears of no quorum keeps others from leading as long as they hear it: another node may do better.</summary>
    private void GiveUp(RangeId range, RangeLeader leader, CancellationToken stopping)
    {
        ReplicaHostLog.GivingUp(logger, range);
        var next = meta.Find(range)?.Nodes.FirstOrDefault(name => name != node.Name && live.Find(name) is not null);
        if (next is null)
            _ = leader.DisposeAsync().AsTask();
        else
            handover.RunAsync(leader, next, stopping).Ignore();
    }

    /// <summary>A replica that this node should have and does not is replaced by its range's leader: cold ranges need one for that.</summary>
    private void WakeRangesOfLostReplicas()
    {
        var now = time.GetTimestamp();
        if (meta.Current is not { } snapshot || time.GetElapsedTime(_lastSearch, now) < PauseBetweenAttempts)
            return;
        _lastSearch = now;
        Forget(snapshot);
        var mine = snapshot.Ranges.Where(range => snapshot.FindKeyspace(range.Keyspace) is not { Keyspace.Family: KeyspaceFamily.Eventual } && range.On(node.Name) is { } replica && storage.FindReplica(range.Id)?.Id != replica.Id);
        foreach (var range in mine.Take(MaxWakesAtOnce).Where(range => MayTry(range.Id)))
            grains.GetGrain<IKeyRangeGrain>(range.Id.Value).WakeAsync().Ignore();
    }

    /// <summary>Ranges that were deleted are gone for good: nothing of them is kept.</summary>
    private void Forget(MetaSnapshot snapshot)
    {
        bool IsGone(RangeId range) => snapshot.FindRange(range) is null && host.FindOpen(range) is null;
        foreach (var range in _lastAttempt.Keys.Where(IsGone))
            _lastAttempt.TryRemove(range, out _);
        foreach (var range in _silent.Keys.Where(IsGone))
            _silent.TryRemove(range, out _);
        foreach (var (range, _) in _repairs.Where(repair => repair.Value.IsCompleted && IsGone(repair.Key)))
            _repairs.TryRemove(range, out _);
        routes.ForgetAll(IsGone);
    }

    /// <summary>Not more often than the pause between attempts, for one range.</summary>
    private bool MayTry(RangeId range)
    {
        var now = time.GetTimestamp();
        if (_lastAttempt.TryGetValue(range, out var last) && time.GetElapsedTime(last, now) < PauseBetweenAttempts)
            return false;
        _lastAttempt[range] = now;
        return true;
    }

    /// <summary>
    /// The first live node of the range's order, when it is not this one and its replica has everything; where the disk of this one is full, any that has
    /// everything and room.
    /// </summary>
    private string? FindBetter(RangeLeader leader)
    {
        if (leader.WhyFull is not null)
            return leader.FindCaughtUp() is { } roomy && live.Find(roomy.Node) is not null ? roomy.Node : null;
        var first = meta.Find(leader.Range)?.Replicas.FirstOrDefault(replica => live.Find(replica.Node) is not null);
        return first is null || first.Node == node.Name || !leader.IsCaughtUp(first.Id) ? null : first.Node;
    }

    /// <summary>The order may have changed a moment ago: this node's view of it must not send back what just came.</summary>
    private async Task HandOverAsync(RangeLeader leader, CancellationToken stopping)
    {
        try
        {
            await meta.RefreshAsync(stopping);
            if (leader.IsStopped || FindBetter(leader) is not { } better)
                return;
            ReplicaHostLog.HandingOver(logger, leader.Range, better);
            await handover.RunAsync(leader, better, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            ReplicaHostLog.RoundFailed(logger, exception);
        }
    }

    /// <summary>One repair of a range at a time, and a pause between attempts.</summary>
    private void Repair(RangeLeader leader, Func<Task> repair)
    {
        if ((!_repairs.TryGetValue(leader.Range, out var running) || running.IsCompleted) && MayTry(leader.Range))
            _repairs[leader.Range] = repair();
    }

    private bool IsRowBehind(RangeLeader leader) =>
        meta.Find(leader.Range) is { } row && MetaRangeFile.IsFormed(row) && !row.Replicas.ToHashSet().SetEquals(leader.Configuration.Voters);

    /// <summary>A change of voters that a predecessor began, or that found no room, is finished.</summary>
    private async Task FinishAsync(RangeLeader leader, CancellationToken stopping)
    {
        try
        {
            if (await leader.ChangeMembershipAsync(leader.Configuration.Voters, StepPatience) is { } failure)
                ReplicaHostLog.NotReplaced(logger, leader.Range, leader.Configuration.ToString(), failure.Detail);
            else
                await RecordAsync(leader, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            ReplicaHostLog.NotReplaced(logger, leader.Range, leader.Configuration.ToString(), exception.Message);
        }
    }

    private async Task ReplaceAsync(RangeLeader leader, ReplicaDescriptor lost, CancellationToken stopping)
    {
        try
        {
            if (live.Find(lost.Node) is null)
                return;
            var home = grains.GetGrain<INodeGrain>(lost.Node);
            var fresh = await PrepareAsync(home, leader, lost);
            ReplicaHostLog.Replacing(logger, leader.Range, lost.ToString(), fresh.ToString());
            ReplicaDescriptor[] voters = [.. leader.Configuration.Voters.Select(voter => voter == lost ? fresh : voter)];
            if (await leader.ChangeMembershipAsync(voters, CatchUpPatience) is { } failure)
            {
                ReplicaHostLog.NotReplaced(logger, leader.Range, lost.ToString(), failure.Detail);
                return;
            }

            await RecordAsync(leader, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            ReplicaHostLog.NotReplaced(logger, leader.Range, lost.ToString(), exception.Message);
        }
    }

    /// <summary>A replica on the same node under a new id: one that an earlier attempt left and that never voted, or a fresh one.</summary>
    private static async Task<ReplicaDescriptor> PrepareAsync(INodeGrain home, RangeLeader leader, ReplicaDescriptor lost)
    {
        var report = await home.ReportAsync();
        var there = report.Replicas.FirstOrDefault(replica => replica.Range == leader.Range);
        if (there is not null && there.Replica != lost.Id && !leader.Configuration.Contains(there.Replica) && there.State != ReplicaState.Broken)
            return new ReplicaDescriptor(lost.Node, there.Replica);
        if (there is not null && !(there.Replica != lost.Id && leader.Configuration.Contains(there.Replica))
            && await home.RemoveReplicaAsync(leader.Range, there.Replica, leader.Epoch) is { } kept)
        {
            throw new InvalidOperationException(kept.Detail);
        }

        var fresh = new ReplicaDescriptor(lost.Node, Guid.NewGuid());
        return await home.CreateReplicasAsync(new ReplicaCreation(
            Guid.Parse(report.Incarnation), [new PlannedReplica(leader.Range, fresh.Id, RangeConfiguration.Unknown)])) is { } refused
            ? throw new InvalidOperationException(refused.Detail)
            : fresh;
    }

    /// <summary>The log is the authority; the meta row follows it, and a leader that finds the row behind repairs it.</summary>
    private async Task RecordAsync(RangeLeader leader, CancellationToken stopping)
    {
        try
        {
            while (leader is { IsStopped: false, HasLease: true } && leader.Configuration is { IsJoint: false, Voters: var voters })
            {
                var snapshot = await meta.RefreshAsync(stopping);
                if (snapshot.FindRange(leader.Range) is not { } descriptor || descriptor.Replicas.ToHashSet().SetEquals(voters))
                    return;
                var ordered = descriptor.Replicas.Select(replica => Array.Find(voters, voter => voter.Node == replica.Node)).OfType<ReplicaDescriptor>();
                var changed = descriptor with { Replicas = [.. ordered.Union(voters)] };
                if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, [MetaChange.Put(MetaRows.RangeKey(leader.Range), changed)], stopping))
                    return;
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
        {
            ReplicaHostLog.NotRecorded(logger, leader.Range, exception.Message);
        }
    }
}

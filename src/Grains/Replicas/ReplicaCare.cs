using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// What the node does so that its ranges stay led and complete: asks for another leader where one fell silent, without waiting until the cluster
/// has declared its node dead (epochs keep that safe); replaces voters that are lost with their disks; hands leadership to the node that comes first in
/// the range's order once that is there and has everything.
/// </summary>
internal sealed class ReplicaCare(
    NodeOptions node,
    ReplicaHost host,
    MetaCache meta,
    LiveNodes live,
    IGrainFactory grains,
    ReplicationOptions options,
    TimeProvider time,
    ILogger<ReplicaCare> logger) : BackgroundLoop
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PauseBetweenAttempts = TimeSpan.FromSeconds(1);

    /// <summary>How long a newcomer may take to catch up.</summary>
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<RangeId, long> _lastAttempt = new();
    private readonly ConcurrentDictionary<RangeId, Task> _replacements = new();

    protected override async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            foreach (var (range, slot) in host.Open)
            {
                try
                {
                    LookAfter(range, slot, stopping);
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    ReplicaHostLog.RoundFailed(logger, exception);
                }
            }
        }
    }

    private void LookAfter(RangeId range, ReplicaSlot slot, CancellationToken stopping)
    {
        if (slot.Leader is { IsStopped: false, HasLease: true } leader && slot.Activation is { } activation)
        {
            if (leader.LostVoters is [var lost, ..])
                Replace(leader, lost, stopping);
            else if (FindBetter(leader) is not null && MayTry(range))
                _ = HandOverAsync(leader, activation, stopping);
        }
        else if (slot is { Leader: null, Acceptor: { ExpectsLeader: true } acceptor } && acceptor.SilentFor > options.LeaseDuration * 1.1 && MayTry(range))
        {
            ReplicaHostLog.LeaderSilent(logger, range);
            grains.GetGrain<IKeyRangeGrain>(range.Value).WakeAsync().Ignore();
        }
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
    private SiloAddress? FindBetter(RangeLeader leader)
    {
        if (leader.WhyFull is not null)
            return leader.FindCaughtUp() is { } roomy ? live.Find(roomy.Node) : null;
        var first = meta.Find(leader.Range)?.Replicas.FirstOrDefault(replica => live.Find(replica.Node) is not null);
        return first is null || first.Node == node.Name || !leader.IsCaughtUp(first.Id) ? null : live.Find(first.Node);
    }

    /// <summary>The order may have changed a moment ago: this node's view of it must not send back what just came.</summary>
    private async Task HandOverAsync(RangeLeader leader, IGrainContext activation, CancellationToken stopping)
    {
        try
        {
            await meta.RefreshAsync(stopping);
            if (leader.IsStopped || FindBetter(leader) is not { } better)
                return;
            ReplicaHostLog.HandingOver(logger, leader.Range, better.ToString());
            activation.Migrate(new Dictionary<string, object> { [Orleans.Runtime.Placement.IPlacementDirector.PlacementHintKey] = better }, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            ReplicaHostLog.RoundFailed(logger, exception);
        }
    }

    private void Replace(RangeLeader leader, ReplicaDescriptor lost, CancellationToken stopping)
    {
        if (_replacements.TryGetValue(leader.Range, out var running) && !running.IsCompleted)
            return;
        if (MayTry(leader.Range))
            _replacements[leader.Range] = ReplaceAsync(leader, lost, stopping);
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

            await RecordAsync(leader.Range, voters, stopping);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
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
        if (there is not null && !(there.Replica != lost.Id && leader.Configuration.Contains(there.Replica)))
            await home.RemoveReplicaAsync(leader.Range, there.Replica);
        var fresh = new ReplicaDescriptor(lost.Node, Guid.NewGuid());
        return await home.CreateReplicasAsync(new ReplicaCreation(
            Guid.Parse(report.Incarnation), [new PlannedReplica(leader.Range, fresh.Id, RangeConfiguration.Unknown)])) is { } refused
            ? throw new InvalidOperationException(refused.Detail)
            : fresh;
    }

    /// <summary>The log is the authority; the meta row follows it, and whoever finds it behind repairs it.</summary>
    private async Task RecordAsync(RangeId range, ReplicaDescriptor[] voters, CancellationToken stopping)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(stopping);
            if (snapshot.FindRange(range) is not { } descriptor)
                return;
            var ordered = descriptor.Replicas.Select(replica => voters.FirstOrDefault(voter => voter.Node == replica.Node)).OfType<ReplicaDescriptor>();
            ReplicaDescriptor[] replicas = [.. ordered.Union(voters)];
            if (replicas.AsSpan().SequenceEqual(descriptor.Replicas))
                return;
            if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, [MetaChange.Put(MetaRows.RangeKey(range), descriptor with { Replicas = replicas })], stopping))
                return;
        }
    }
}

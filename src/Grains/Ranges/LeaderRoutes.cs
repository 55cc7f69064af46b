using System.Collections.Concurrent;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// The way to a range's leader: in process where it is on this node; else to the node that this node's own replica follows, which hears of a new leader as
/// soon as there is one; else, where there is no replica or it knows of no leader, through the cluster's grain directory, which wakes a range that nobody leads.
/// The directory keeps pointing to a node that hangs until that is declared dead, so it is not asked while the replica knows better. A wrong way
/// costs an attempt: who does not lead says so.
/// </summary>
internal sealed class LeaderRoutes(NodeOptions node, LocalRanges local, ReplicaHost host, LiveNodes live, ReplicationOptions options, IGrainFactory grains)
{
    /// <summary>Leases after which the range is looked for in the directory although nobody said that its leader stopped: whoever should have stood in its place did not.</summary>
    private const int LeasesUntilDirectory = 3;

    /// <summary>The way that was taken last: making a reference to a grain costs as much as a short call. One for each range that was ever asked and is not <see cref="ForgetAll">forgotten</see>.</summary>
    private readonly ConcurrentDictionary<RangeId, (string Node, IRangeLeaderGrain Grain)> _last = new();

    /// <exception cref="GrainDbException">Its leader is silent, and another one is being chosen: a moment will help.</exception>
    public IKeyRange Find(RangeId range) => (IKeyRange?)local.Find(range) ?? FindElsewhere(range);

    /// <summary>The leader on a node, whether it is there or not.</summary>
    public IRangeLeaderGrain On(RangeId range, string name)
    {
        if (_last.TryGetValue(range, out var last) && last.Node == name)
            return last.Grain;
        var grain = grains.GetGrain<IRangeLeaderGrain>(new ReplicaKey(range, name).ToString());
        _last[range] = (name, grain);
        return grain;
    }

    /// <summary>Ranges to which a way is kept.</summary>
    public IEnumerable<RangeId> Known => _last.Keys;

    /// <summary>Keeps nothing of ranges that are gone.</summary>
    public void ForgetAll(Func<RangeId, bool> isGone)
    {
        foreach (var range in _last.Keys.Where(isGone))
            _last.TryRemove(range, out _);
    }

    private IKeyRange FindElsewhere(RangeId range)
    {
        if (host.FindOpen(range) is { } replica && LeaderOf(replica) is { } leader && leader != node.Name && live.Find(leader) is not null)
        {
            if (replica.LeaseOverFor < TimeSpan.Zero || !replica.ExpectsLeader)
                return On(range, leader);
            if (replica.LeaseOverFor < options.LeaseDuration * (LeasesUntilDirectory - 1))
                throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, $"nothing is heard of the leader of range {range} on node {leader}"));
        }

        return grains.GetGrain<IKeyRangeGrain>(range.Value);
    }

    /// <summary>The node that leads, or was asked to a moment ago; null when none is known.</summary>
    private string? LeaderOf(ReplicaAcceptor replica) =>
        replica.ExpectsLeader ? replica.LeaderNode
        : replica.Heir.Length > 0 && replica.LeaseOverFor < options.LeaseDuration ? replica.Heir
        : null;
}

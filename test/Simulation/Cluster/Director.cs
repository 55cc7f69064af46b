using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Simulation.Cluster;

/// <summary>
/// Places leaders as Orleans does: somewhere, on what it believes to be alive, again when it believes that there is none, and sometimes twice.
/// Replaces voters that are lost. It never decides anything that safety depends on.
/// </summary>
internal sealed class Director
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Until then a removed replica may not know that it is.</summary>
    private static readonly TimeSpan LatestRemoval = TimeSpan.FromSeconds(2);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedRange _range;
    private readonly Random _random;
    private bool _isChanging;
    private int _changes;

    public Director(SimulatedCluster cluster, SimulatedRange range)
    {
        _cluster = cluster;
        _range = range;
        _random = cluster.World.NewRandom(range.Number == 0 ? "director" : $"director {range.Number}");
        Look();
    }

    /// <summary>Where requests go first.</summary>
    public SimulatedNode? Placed { get; private set; }

    /// <summary>The leader that serves, as somebody who sees everything would say; null when none or several do.</summary>
    public RangeLeader? Serving
    {
        get
        {
            var serving = _cluster.Nodes.Where(node => node.IsUp).SelectMany(node => node.LeadersOf(_range)).Where(leader => leader is { IsStopped: false, HasLease: true }).ToList();
            return serving.Count == 1 ? serving[0] : null;
        }
    }

    /// <summary>Whether every voter has its data.</summary>
    public bool IsEveryVoterSound =>
        Serving is { Configuration: { IsJoint: false } configuration } leader && !_isChanging
        && configuration.Voters.All(voter => _cluster.Node(voter.Node) is { IsUp: true, FailNextSync: false } node
            && node.Find(voter.Id) is { IsRecovering: false, Replica.BrokenReason: null } && (leader.Candidate.Node == voter.Node || leader.IsCaughtUp(voter.Id)));

    /// <summary>Places a leader, beside those that there are.</summary>
    public void Place(string? preferred = null)
    {
        var able = _cluster.Nodes.Where(node => node.IsUp && node.NewestOf(_range) is not null).ToList();
        if (able.Count == 0)
            return;
        var node = able.Find(node => node.Name == preferred) ?? able[_random.Next(able.Count)];
        Placed = node;
        node.Process!.Start(() => node.LeadAsync(_range));
    }

    /// <summary>Asks a leader to stop, and places another when it did.</summary>
    public void Transfer()
    {
        var from = Placed;
        if (from is not { IsUp: true })
            return;
        _cluster.Trace(from, "is asked to stop leading");
        from.Process!.Start(async () =>
        {
            await from.StopLeadingAsync(_range);
            _cluster.World.Schedule(TimeSpan.Zero, owner: null, () => Place());
        });
    }

    /// <summary>Replaces one voter by a new replica, on a node that has none where there is one.</summary>
    /// <returns>The leader's node and the newcomer's; null when it cannot be done now.</returns>
    public List<string>? Replace(Guid? lost = null)
    {
        if (_isChanging || Serving is not { } leader || leader.Configuration.IsJoint)
            return null;
        var voters = leader.Configuration.Voters;
        var leaving = lost is { } id ? voters.First(voter => voter.Id == id) : voters[_random.Next(voters.Length)];
        var spare = _cluster.Nodes.Where(node => node.IsUp && !voters.Any(voter => voter.Node == node.Name)).ToList();
        var target = spare.Count > 0 ? spare[_random.Next(spare.Count)] : lost is null ? null : _cluster.Node(leaving.Node);
        if (target is not { IsUp: true })
            return null;
        var coming = new ReplicaDescriptor(target.Name, _cluster.NewId());
        target.Plan(_range, coming.Id, RangeConfiguration.Unknown);
        Change(leader, [.. voters.Where(voter => voter != leaving), coming]);
        return [leader.Candidate.Node, target.Name];
    }

    /// <summary>A change that got stuck half-way, on a full disk for instance.</summary>
    private void FinishChange()
    {
        if (!_isChanging && Serving is { Configuration.IsJoint: true } leader && _random.Next(5) == 0)
            Change(leader, leader.Configuration.Voters);
    }

    /// <summary>Replicas that are no voters any more delete themselves once the change is committed, not earlier.</summary>
    private void Change(RangeLeader leader, ReplicaDescriptor[] voters)
    {
        _isChanging = true;
        var changing = ++_changes;
        var before = leader.Configuration.Members.ToList();
        _cluster.World.Schedule(Patience * 3, owner: null, () => _isChanging &= changing != _changes);
        var node = _cluster.Node(leader.Candidate.Node);
        var to = string.Join<ReplicaDescriptor>(", ", voters);
        _cluster.Trace(node, $"changes the voters to {to}");
        node.Process!.Start(async () =>
        {
            var failure = await leader.ChangeMembershipAsync(voters, Patience);
            _cluster.Trace(node, failure is null ? $"has changed the voters to {to}" : $"has not changed the voters to {to}: {failure.Detail}");
            _cluster.World.Schedule(TimeSpan.Zero, owner: null, () =>
            {
                _isChanging &= changing != _changes;
                if (failure is not null)
                    return;
                foreach (var leaving in before.Except(voters))
                    _cluster.World.Schedule(LatestRemoval * _random.NextDouble(), owner: null, () => _cluster.Node(leaving.Node).Remove(leaving.Id));
            });
        });
    }

    private void Look()
    {
        _cluster.World.Schedule(TimeSpan.FromMilliseconds(20 + _random.Next(80)), owner: null, Look);
        foreach (var node in _cluster.Nodes.Where(node => node.IsUp && _random.Next(4) == 0))
            node.Process!.Run(() => node.Maintain(_range));
        if (Placed is not { IsUp: true } placed || placed.LeadersOf(_range).Count == 0)
            Place();
        else if (AreFollowersSilent())
            Place();
        else if (Serving is { Configuration.IsJoint: true })
            FinishChange();
        else if (Serving is { LostVoters: [var lost, ..] })
            Replace(lost.Id);
    }

    /// <summary>Most of the other replicas have not heard of a leader for long.</summary>
    private bool AreFollowersSilent()
    {
        var bound = _cluster.Profile.Replication.LeaseDuration * 2;
        var others = _cluster.Nodes.Where(node => node != Placed && node.IsUp).Select(node => node.NewestOf(_range)).OfType<Engine.Replication.ReplicaAcceptor>().ToList();
        return others.Count > 0 && 2 * others.Count(replica => replica.SilentFor > bound) > others.Count && _random.Next(10) == 0;
    }
}

using GrainDb.Engine.Eventual;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Networks;

namespace GrainDb.Simulation.Eventual;

/// <summary>One partition on some of the nodes, and everything around it: crashes, cuts, lost disks, moves.</summary>
internal sealed class EventualCluster
{
    private readonly List<EventualNode> _nodes;
    private readonly Random _random;
    private int _ids;

    public EventualCluster(World world, EventualProfile profile)
    {
        World = world;
        Profile = profile;
        _random = world.NewRandom("cluster");
        Options = new EventualOptions { BytesPerSecond = 64 << 20, MaxBatchBytes = 400, MaxLeafBytes = 20, MaxTreeNodes = 8, Faults = profile.Faults };
        Network = new SimulatedNetwork(world, answer => $"{answer}") { Faults = profile.Network };
        _nodes = [.. Enumerable.Range(1, 5).Select(number => new EventualNode(this, $"node{number}"))];
        Publish(new PartitionConfiguration(1, [.. _nodes.Take(3).Select(node => new ReplicaDescriptor(node.Name, NewId()))], [], ["node4", "node5"]), atOnce: true);
        foreach (var node in _nodes)
            node.Start();
        foreach (var member in Newest.Members)
            Node(member.Node).Plan(member.Id, ReplicaStanding.First);
        if (profile.Course == EventualCourse.None)
            Later(TroubleInterval, Trouble);
        else
            _ = new EventualCourses(this);
    }

    public static RangeId Partition { get; } = new(7);

    public World World { get; }

    public EventualProfile Profile { get; }

    public EventualOptions Options { get; }

    public SimulatedNetwork Network { get; }

    public IReadOnlyList<EventualNode> Nodes => _nodes;

    /// <summary>What meta would say.</summary>
    public PartitionConfiguration Newest { get; private set; } = null!;

    public bool AreThingsBreaking { get; private set; } = true;

    public int Moves { get; private set; }

    public int LostDisks { get; private set; }

    /// <summary>Keys that replicas forgot.</summary>
    public int Forgotten { get; set; }

    private TimeSpan TroubleInterval => TimeSpan.FromMilliseconds(200 + _random.Next(1500));

    /// <summary>Whether every replica of the newest configuration is up and counts.</summary>
    public bool IsWhole => Newest.All.All(replica => Node(replica.Node).Find(replica.Id) is { Standing: { NeedsRepair: false, IsJoined: true } });

    public bool Has(EventualFaults fault) => Profile.Faults.HasFlag(fault);

    public EventualNode Node(string name) => _nodes.First(node => node.Name == name);

    public Guid NewId() => new(++_ids * 7919, 0, 0, [0, 0, 0, 0, 0, 0, (byte)(_ids >> 8), (byte)_ids]);

    /// <summary>Everything runs and is connected from now on, and knows the newest configuration.</summary>
    public void Mend()
    {
        AreThingsBreaking = false;
        Network.Heal();
        Network.IsMended = true;
        foreach (var node in _nodes)
        {
            node.View = Newest;
            node.Process?.Resume();
            if (!node.IsUp)
                Restart(node, CrashOutcome.LoseUnsynced);
        }

        Later(TimeSpan.FromSeconds(1), FinishMove);
    }

    /// <summary>All replicas are equal, and nothing is left to do.</summary>
    public bool IsAtRest() =>
        IsWhole && !Newest.IsJoint
        && _nodes.TrueForAll(node => node is { IsUp: true, Hints: { Count: 0, Lost.Count: 0 } })
        && Newest.Members.Select(member => Node(member.Node).Find(member.Id)!.GetFigures().Root).Distinct().Count() == 1;

    public string Describe() => string.Join('\n', _nodes.Select(node =>
        $"  {node.Name} {(node.IsUp ? "up" : "down")} hints {node.Hints?.Count} lost {node.Hints?.Lost.Count} view {node.View.Version} {string.Join(' ', node.Replicas.Select(replica => $"{replica.Id.ToString("N")[^4..]} {replica.Standing} {replica.GetFigures().Root:x}"))}"))
        + $"\n  newest {Newest.Version}: {string.Join<ReplicaDescriptor>(' ', Newest.Members)} → {string.Join<ReplicaDescriptor>(' ', Newest.Incoming)}";

    private void Trouble()
    {
        if (!AreThingsBreaking)
            return;
        var node = _nodes[_random.Next(_nodes.Count)];
        switch (_random.Next(9))
        {
            case 0 or 1 when Profile.Crashes && node.IsUp:
                node.Crash(Outcome());
                Later(TimeSpan.FromMilliseconds(_random.Next(4000)), () => Restart(node, Outcome()));
                break;
            case 2 or 3 when Profile.Cuts:
                var other = _nodes[_random.Next(_nodes.Count)];
                Cut(node.Name, other.Name, bothWays: _random.Next(2) == 0);
                break;
            case 4 when Profile.Cuts:
                foreach (var each in _nodes.Where(each => each != node))
                    Cut(node.Name, each.Name, bothWays: true);
                break;
            // A hint is one copy of what it was counted for: with two disks lost there may be none.
            case 5 when Profile.LosesDisks && (!Profile.Sloppy || LostDisks == 0) && IsWhole && !Newest.IsJoint && Newest.Members.Any(member => member.Node == node.Name):
                LoseDisk(node);
                break;
            case 6 when Profile.Moves:
                Move();
                break;
            case 7 when node.IsUp:
                node.Clocks.WallOffset = Profile.WallOffset * ((2 * _random.NextDouble()) - 1);
                node.Process!.Pause(TimeSpan.FromMilliseconds(_random.Next(3000)));
                break;
            case 8 when node.IsUp:
                node.Process!.Run(node.Checkpoint);
                break;
        }

        foreach (var down in _nodes.Where(each => !each.IsUp && _random.Next(3) == 0))
            Restart(down, Outcome());
        FinishMove();
        Later(TroubleInterval, Trouble);
    }

    private void Cut(string from, string to, bool bothWays)
    {
        if (from == to)
            return;
        Network.Cut(from, to);
        if (bothWays)
            Network.Cut(to, from);
        Later(TimeSpan.FromMilliseconds(_random.Next(6000)), () =>
        {
            Network.Mend(from, to);
            Network.Mend(to, from);
        });
    }

    private void Restart(EventualNode node, CrashOutcome outcome)
    {
        if (node.IsUp)
            return;
        if (node.Disk.Crashed)
            node.Crash(outcome);
        node.Start();
    }

    /// <summary>A replica whose disk is lost is another one from now on.</summary>
    public void LoseDisk(EventualNode node)
    {
        LostDisks++;
        var lost = node.Wipe();
        node.Start();
        ReplicaDescriptor[] members = [.. Newest.Members.Select(member => lost.Contains(member.Id) ? member with { Id = NewId() } : member)];
        if (lost.Count == 0)
            return; // a deliberate error: it goes on as if nothing had been there
        Publish(Newest with { Version = Newest.Version + 1, Members = members }, atOnce: false);
        node.View = Newest;
        node.Plan(members.First(member => member.Node == node.Name).Id, ReplicaStanding.Later);
    }

    /// <summary>Begins to put a replica onto another node.</summary>
    public void Move()
    {
        if (Newest.IsJoint || !IsWhole)
            return;
        var leaving = _random.Next(Newest.Members.Length);
        var to = Newest.Fallbacks[_random.Next(Newest.Fallbacks.Length)];
        var newcomer = new ReplicaDescriptor(to, NewId());
        Publish(
            Newest with
            {
                Version = Newest.Version + 1,
                Incoming = [.. Newest.Members.Select((member, index) => index == leaving ? newcomer : member)],
                Fallbacks = [.. Newest.Fallbacks.Where(node => node != to)],
            },
            atOnce: false);
        Node(to).View = Newest;
        Node(to).Plan(newcomer.Id, ReplicaStanding.Later);
    }

    /// <summary>Ends a move when the newcomer is repaired.</summary>
    public void FinishMove()
    {
        if (Newest.IsJoint && Newest.Incoming.All(member => Node(member.Node).Find(member.Id) is { Standing.NeedsRepair: false }))
        {
            Moves++;
            var gone = Newest.Members.Except(Newest.Incoming).ToList();
            var fallbacks = _nodes.Select(node => node.Name).Except(Newest.Incoming.Select(member => member.Node)).ToArray();
            Publish(new PartitionConfiguration(Newest.Version + 1, Newest.Incoming, [], fallbacks), atOnce: !AreThingsBreaking);
            foreach (var replica in gone)
                Later(TimeSpan.FromSeconds(3), () => Node(replica.Node).Remove(replica.Id));
        }
        else if (!AreThingsBreaking && Newest.IsJoint)
        {
            Later(TimeSpan.FromSeconds(1), FinishMove);
        }
    }

    private void Publish(PartitionConfiguration configuration, bool atOnce)
    {
        Newest = configuration;
        foreach (var node in _nodes)
        {
            Later(atOnce ? TimeSpan.Zero : TimeSpan.FromMilliseconds(_random.Next(4000)), () => node.View = node.View.Version < configuration.Version ? configuration : node.View);
            if (node.View is null)
                node.View = configuration;
        }
    }

    private CrashOutcome Outcome() => _random.Next(3) switch { 0 => CrashOutcome.LoseUnsynced, 1 => CrashOutcome.KeepUnsynced, _ => CrashOutcome.Random(_random.Next()) };

    private void Later(TimeSpan delay, Action action) => World.Schedule(delay, owner: null, action);
}

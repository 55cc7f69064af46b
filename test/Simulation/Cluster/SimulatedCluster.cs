using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Histories;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Checks;
using GrainDb.Simulation.Core;
using GrainDb.Simulation.Networks;
using GrainDb.Simulation.Transactions;

namespace GrainDb.Simulation.Cluster;

/// <summary>Some ranges on some nodes, and everything around them.</summary>
internal sealed class SimulatedCluster
{
    private readonly Dictionary<string, SimulatedNode> _nodes;
    private readonly Random _random;
    private int _ids;

    public SimulatedCluster(World world, Profile profile)
    {
        World = world;
        Profile = profile;
        _random = world.NewRandom("cluster");
        Network = new SimulatedNetwork(world, Messages.Describe) { Faults = profile.Network };
        Ranges = [.. SimulatedRange.OfKeys(this, profile.Ranges)];
        Data = new DataKeyspace(Ranges);
        _nodes = Enumerable.Range(1, profile.Nodes).Select(number => new SimulatedNode(this, number)).ToDictionary(node => node.Name);
        foreach (var node in Nodes)
            node.Start();
        foreach (var range in Ranges)
        {
            var initial = new RangeConfiguration([.. Enumerable.Range(profile.FirstVoterOf(range), profile.Voters).Select(place => new ReplicaDescriptor(_nodes.Keys.ElementAt(place % _nodes.Count), NewId()))], []);
            foreach (var voter in initial.Voters)
                Node(voter.Node).Plan(range, voter.Id, initial);
        }

        world.AfterEvent = AfterEvent;
        foreach (var range in Ranges)
            range.Start(new Director(this, range));
    }

    public World World { get; }

    public Profile Profile { get; }

    public SimulatedNetwork Network { get; }

    public History History { get; } = new();

    /// <summary>What leaders said when they stopped, on its way until a script lets it arrive.</summary>
    public List<Action> HeldReleases { get; } = [];

    public TransactionRecorder Recorder { get; } = new();

    public IReadOnlyList<SimulatedRange> Ranges { get; }

    public SettledChecks Settled { get; } = new();

    public DataKeyspace Data { get; }

    /// <summary>Whether troubles are still wanted; afterwards everything is mended.</summary>
    public bool AreThingsBreaking { get; set; } = true;

    /// <summary>Whether clients still begin something.</summary>
    public bool AreClientsWorking => AreThingsBreaking && World.Elapsed < Profile.Working;

    public IReadOnlyCollection<SimulatedNode> Nodes => _nodes.Values;

    public SimulatedNode Node(string name) => _nodes[name];

    public SimulatedRange RangeOf(RangeId id) => Ranges.First(range => range.Descriptor.Id == id);

    /// <summary>The range of a client's key.</summary>
    public SimulatedRange RangeOf(ReadOnlySpan<byte> key)
    {
        foreach (var range in Ranges)
        {
            if (range.Descriptor.Contains(key))
                return range;
        }

        throw new InvalidOperationException("the ranges leave a gap");
    }

    /// <summary>An id that nobody ever had.</summary>
    public Guid NewId()
    {
        var number = ++_ids;
        return new Guid(number * 7919, 0, 0, [0, 0, 0, 0, 0, 0, (byte)(number >> 8), (byte)number]);
    }

    /// <summary>The machine stops: what was not synced survives in part, or not at all.</summary>
    public void PowerOff(SimulatedNode node)
    {
        Trace(node, "power loss");
        node.Crash(disk => disk.AfterPowerLoss(_random.Next(3) == 0 ? CrashOutcome.LoseUnsynced : CrashOutcome.Random(_random.Next())));
        RestartLater(node);
    }

    /// <summary>The process is killed; the system and its cache stay.</summary>
    public void Kill(SimulatedNode node)
    {
        Trace(node, "killed");
        node.Crash(disk => disk.AfterProcessKill());
        RestartLater(node);
    }

    public void RestartLater(SimulatedNode node)
    {
        var process = node.Process;
        World.Schedule(TimeSpan.FromMilliseconds(AreThingsBreaking ? 20 + _random.Next(_random.Next(4) == 0 ? 3000 : 400) : 20), owner: null, () =>
        {
            if (node.Process != process)
                return;
            Trace(node, "starts");
            node.Start();
        });
    }

    public void Trace(SimulatedNode node, string line)
    {
        if (World.Trace.IsOn)
            World.Trace.Write(World, node.Process, line);
    }

    /// <summary>Whether every copy of everything is there. Only then may a disk lose what it had synced: with two of three copies gone nothing could be promised.</summary>
    public bool IsEveryVoterSound => Ranges.All(range => range.Director.IsEveryVoterSound);

    private void After(SimulatedNode node)
    {
        foreach (var range in Ranges)
            range.Checks.After(node);
    }

    private void AfterEvent(SimulatedProcess? process)
    {
        foreach (var node in Nodes)
        {
            if (node.Disk.Crashed)
                PowerOff(node);
            else if (process is not null && node.Process == process)
                After(node);
        }
    }
}

using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Cluster;

/// <summary>Breaks things, one after the other, as the profile says; and mends everything in the end.</summary>
internal sealed class Troublemaker
{
    private readonly SimulatedCluster _cluster;
    private readonly World _world;
    private readonly Random _random;

    public Troublemaker(SimulatedCluster cluster)
    {
        _cluster = cluster;
        _world = cluster.World;
        _random = _world.NewRandom("troubles");
        if (cluster.Profile.Troubles.Count > 0)
            Next();
    }

    /// <summary>Everything works again from now on.</summary>
    public void Mend()
    {
        _cluster.AreThingsBreaking = false;
        _cluster.Network.IsMended = true;
        _cluster.Network.Heal();
        foreach (var node in _cluster.Nodes)
        {
            if (_cluster.Profile.IsBeyondOffset)
                node.Clocks.WallOffset = TimeSpan.Zero; // a node whose clock is off serves nobody
            node.FailNextSync = false;
            node.SlowestDisk = TimeSpan.Zero;
            node.Disk.CapacityBytes = long.MaxValue;
            node.Disk.CrashAtByte = long.MaxValue;
            node.Process?.Resume();
            if (!node.IsUp)
                _cluster.RestartLater(node);
        }
    }

    private Director AnyDirector() => _cluster.Ranges is [var only] ? only.Director : _cluster.Ranges[_random.Next(_cluster.Ranges.Count)].Director;

    private SimulatedNode AnyNode()
    {
        // The leader's node is the interesting one.
        if (AnyDirector().Placed is { } placed && _random.Next(3) == 0)
            return placed;
        return _cluster.Nodes.ElementAt(_random.Next(_cluster.Nodes.Count));
    }

    private TimeSpan Some(int milliseconds) => TimeSpan.FromMilliseconds(1 + (milliseconds * _random.NextDouble() * _random.NextDouble()));

    private void Next() =>
        _world.Schedule(_cluster.Profile.TroubleInterval * (2 * _random.NextDouble()), owner: null, () =>
        {
            if (!_cluster.AreThingsBreaking)
                return;
            var trouble = Draw();
            _world.Trace.Write(_world, null, $"trouble: {trouble}");
            Make(trouble);
            Next();
        });

    private Trouble Draw()
    {
        var at = _random.NextDouble() * _cluster.Profile.Troubles.Values.Sum();
        foreach (var (trouble, weight) in _cluster.Profile.Troubles)
        {
            if ((at -= weight) <= 0)
                return trouble;
        }

        return _cluster.Profile.Troubles.Keys.Last();
    }

    private void Make(Trouble trouble)
    {
        var node = AnyNode();
        switch (trouble)
        {
            case Trouble.Partition:
                Partition();
                break;
            case Trouble.OneWayCut:
                var other = AnyNode();
                if (other != node)
                    CutFor(Some(3000), [(node.Name, other.Name)]);
                break;
            case Trouble.Isolate:
                CutFor(Some(3000), [.. _cluster.Nodes.Where(peer => peer != node).SelectMany(peer => new[] { (node.Name, peer.Name), (peer.Name, node.Name) })]);
                break;
            case Trouble.Kill when node.IsUp:
                _cluster.Kill(node);
                break;
            case Trouble.PowerLoss when node.IsUp:
                if (_random.Next(2) == 0)
                    node.Disk.CrashAtByte = node.Disk.BytesWritten + 1 + _random.Next(2000);
                else
                    _cluster.PowerOff(node);
                break;
            case Trouble.TotalPowerLoss when _random.Next(4) == 0:
                foreach (var each in _cluster.Nodes.Where(each => each.IsUp))
                    _cluster.PowerOff(each);
                break;
            case Trouble.Pause when node.IsUp:
                _cluster.Trace(node, "stands still");
                node.Process!.Pause(Some(3000));
                break;
            case Trouble.SecondLeader:
                AnyDirector().Place();
                break;
            case Trouble.Transfer:
                AnyDirector().Transfer();
                break;
            case Trouble.ClockJump:
                node.Clocks.WallOffset = Profile.MaxClockOffset * (_random.NextDouble() - 0.5);
                break;
            case Trouble.SyncFailure when node.IsUp: // also of several at once: what they hold is there when they are opened again
                node.FailNextSync = true;
                break;
            case Trouble.DiskFull:
                FillDisk(node);
                break;
            case Trouble.BitFlip when _cluster.IsEveryVoterSound:
                FlipBit(node);
                break;
            case Trouble.LoseHardStates when _cluster.IsEveryVoterSound:
                LoseHardStates(node);
                break;
            case Trouble.Wipe when node.IsUp && _cluster.IsEveryVoterSound:
                _cluster.Trace(node, "wiped");
                node.Wipe();
                _cluster.RestartLater(node);
                break;
            case Trouble.Checkpoint when node.IsUp:
                node.Process!.Run(node.Checkpoint);
                break;
            case Trouble.ChangeVoters:
                AnyDirector().Replace();
                break;
            case Trouble.CutOffLeader:
                CutOffLeader(AnyDirector());
                break;
            case Trouble.CutOffChange:
                var director = AnyDirector();
                if (director.Replace() is { } changing)
                    _world.Schedule(Some(100), owner: null, () => CutOff(director, changing, restart: false));
                break;
            default:
                break;
        }
    }

    /// <summary>One leader after the other is cut off, some before they have got anywhere.</summary>
    private void CutOffLeader(Director director, int more = 4)
    {
        if (!_cluster.AreThingsBreaking || director.Placed is not { IsUp: true } leader)
            return;
        List<string> side = [leader.Name];
        if (_random.Next(4) == 0)
            side.Add(AnyNode().Name);
        CutOff(director, side, restart: _random.Next(3) == 0);
        if (more > 0 && _random.Next(3) != 0)
            _world.Schedule(ShortOrLong(), owner: null, () => CutOffLeader(director, more - 1));
    }

    /// <summary>As often about a message's time as about a lease's.</summary>
    private TimeSpan ShortOrLong() => TimeSpan.FromMilliseconds(Math.Exp(_random.NextDouble() * Math.Log(1000)));

    /// <summary>Some nodes hear nothing of the others, or are not heard by them; one of the others is asked to lead.</summary>
    private void CutOff(Director director, List<string> side, bool restart)
    {
        var others = _cluster.Nodes.Where(node => !side.Contains(node.Name)).ToList();
        if (others.Count == 0)
            return;
        var kind = _random.Next(4);
        CutFor(ShortOrLong() * 2, [.. side.SelectMany(node => others.SelectMany(other => Directions(kind, node, other.Name)))]);
        var delay = _random.Next(2) == 0 ? TimeSpan.Zero : Some(200);
        foreach (var other in others.Where(other => restart && other.IsUp && _random.Next(2) == 0))
        {
            _cluster.Kill(other);
            other.Start();
        }

        _world.Schedule(delay, owner: null, () => director.Place(others[_random.Next(others.Count)].Name));
        if (_random.Next(3) == 0)
            _world.Schedule(delay + Some(300), owner: null, () => PowerOffIfUp(_cluster.Node(side[0])));
    }

    private void PowerOffIfUp(SimulatedNode node)
    {
        if (node.IsUp && _cluster.AreThingsBreaking)
            _cluster.PowerOff(node);
    }

    private static IEnumerable<(string From, string To)> Directions(int kind, string node, string other) => kind switch
    {
        0 => [(node, other)],
        1 => [(other, node)],
        _ => [(node, other), (other, node)],
    };

    private void Partition()
    {
        var sides = _cluster.Nodes.ToLookup(_ => _random.Next(2) == 0, node => node.Name);
        CutFor(Some(3000), [.. sides[true].SelectMany(left => sides[false].SelectMany(right => new[] { (left, right), (right, left) }))]);
    }

    private void CutFor(TimeSpan duration, List<(string From, string To)> links)
    {
        foreach (var (from, to) in links)
            _cluster.Network.Cut(from, to);
        _world.Schedule(duration, owner: null, () => links.ForEach(link => _cluster.Network.Mend(link.From, link.To)));
    }

    private void FillDisk(SimulatedNode node)
    {
        var disk = node.Disk;
        disk.CapacityBytes = disk.UsedBytes + _random.Next(1000);
        _world.Schedule(Some(2000), owner: null, () => disk.CapacityBytes = node.Disk.CapacityBytes = long.MaxValue);
    }

    private void LoseHardStates(SimulatedNode node)
    {
        _cluster.Kill(node);
        _cluster.Trace(node, "hard states lost");
        var faults = node.Disk.Faults;
        node.Disk.Faults = static _ => DiskFault.None; // the process is gone: what was to happen to its next operation does not happen to this
        foreach (var path in Paths(node).Where(path => Path.GetFileName(path) is "hard-state-a" or "hard-state-b"))
            node.Disk.Delete(path);
        node.Disk.Faults = faults;
    }

    private static List<string> Paths(SimulatedNode node) =>
        node.Disk.ListDirectories("/").SelectMany(directory => node.Disk.ListFiles($"/{directory}").Select(file => $"/{directory}/{file}")).ToList();

    /// <summary>One bit of one file of a node that is stopped for it; the others must still be able to restore what it held.</summary>
    private void FlipBit(SimulatedNode node)
    {
        _cluster.Kill(node);
        var files = Paths(node);
        if (files.Count == 0)
            return;
        var path = files[_random.Next(files.Count)];
        var length = node.Disk.ReadAll(path).Length;
        if (length == 0)
            return;
        _cluster.Trace(node, $"a bit of {path} flips");
        node.Disk.FlipBit(path, _random.Next(length), _random.Next(8));
    }
}

using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Eventual;

/// <summary>Carries one course out again and again while things break.</summary>
internal sealed class EventualCourses
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly EventualCluster _cluster;
    private readonly Random _random;
    private readonly SimulatedProcess _process;

    public EventualCourses(EventualCluster cluster)
    {
        _cluster = cluster;
        _random = cluster.World.NewRandom("course");
        _process = new SimulatedProcess(cluster.World, "course", _random);
        if (cluster.Profile.Course is not (EventualCourse.None or EventualCourse.Crowd or EventualCourse.Forgetting))
            _process.Start(RunAsync);
    }

    private async Task RunAsync()
    {
        while (_cluster.AreThingsBreaking)
        {
            _cluster.Network.Heal();
            if (!await UntilAsync(() => _cluster is { IsWhole: true, Newest.IsJoint: false }))
                continue;
            await DelayAsync(_random.Next(500));
            List<EventualNode> members = [.. _cluster.Newest.Members.Select(member => _cluster.Node(member.Node)).OrderBy(_ => _random.Next())];
            await (_cluster.Profile.Course switch
            {
                EventualCourse.LostWitness => LostWitnessAsync(members),
                EventualCourse.LostCoordinator => LostCoordinatorAsync(members),
                EventualCourse.PowerLoss => PowerLossAsync(),
                _ => CutOffMoveAsync(),
            });
        }
    }

    private async Task LostWitnessAsync(List<EventualNode> members)
    {
        CutOff(members[1]);
        await DelayAsync(300 + _random.Next(500));
        if (!_cluster.AreThingsBreaking || !_cluster.IsWhole)
            return;
        _cluster.LoseDisk(members[0]);
        _cluster.Network.Heal();
        CutOff(members[2]);
        await DelayAsync(500 + _random.Next(1500));
    }

    private async Task LostCoordinatorAsync(List<EventualNode> members)
    {
        if (_cluster.LostDisks > 0)
        {
            await DelayAsync(1000);
            return;
        }

        foreach (var other in members.Skip(1))
            Cut(members[0], other);
        await DelayAsync(1000 + _random.Next(2000));
        if (_cluster.AreThingsBreaking && _cluster.IsWhole)
            _cluster.LoseDisk(members[0]);
    }

    private async Task PowerLossAsync()
    {
        await DelayAsync(500 + _random.Next(2000));
        foreach (var node in _cluster.Nodes.Where(node => node.IsUp))
        {
            node.Crash(CrashOutcome.LoseUnsynced);
            node.Start();
        }
    }

    private async Task CutOffMoveAsync()
    {
        _cluster.Move();
        var before = _cluster.Newest;
        if (!before.IsJoint || !await UntilAsync(() => _cluster.IsWhole))
            return;
        List<EventualNode> staying = [.. before.Members.Intersect(before.Incoming).Select(member => _cluster.Node(member.Node)).OrderBy(_ => _random.Next())];
        var leaving = _cluster.Node(before.Members.Except(before.Incoming).Single().Node);
        foreach (var node in _cluster.Nodes.Where(node => node != staying[0] && node != leaving))
        {
            Cut(staying[0], node);
            Cut(leaving, node);
        }

        await DelayAsync(300 + _random.Next(700));
        if (!_cluster.AreThingsBreaking)
            return;
        _cluster.Network.Heal();
        CutOff(staying[0]);
        _cluster.FinishMove();
        await DelayAsync(500 + _random.Next(1500));
    }

    private void CutOff(EventualNode node)
    {
        foreach (var other in _cluster.Nodes.Where(other => other != node))
            Cut(node, other);
    }

    private void Cut(EventualNode node, EventualNode other)
    {
        _cluster.Network.Cut(node.Name, other.Name);
        _cluster.Network.Cut(other.Name, node.Name);
    }

    private Task DelayAsync(int milliseconds) => DelayAsync(TimeSpan.FromMilliseconds(milliseconds));

    private Task DelayAsync(TimeSpan delay)
    {
        var passed = new TaskCompletionSource();
        _cluster.World.Schedule(delay, _process, passed.SetResult);
        return passed.Task;
    }

    private async Task<bool> UntilAsync(Func<bool> condition)
    {
        var end = _cluster.World.Now + Patience.Ticks;
        while (_cluster.AreThingsBreaking && _cluster.World.Now < end)
        {
            if (condition())
                return true;
            await DelayAsync(Step);
        }

        return false;
    }
}

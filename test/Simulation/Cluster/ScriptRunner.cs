using GrainDb.Interfaces.Replicas;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Cluster;

/// <summary>Carries scripts out again and again while things break, with the first range. Waiting is in virtual time, so a step happens exactly when its condition comes true.</summary>
internal sealed class ScriptRunner
{
    private static readonly TimeSpan Step = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly SimulatedCluster _cluster;
    private readonly SimulatedRange _range;
    private readonly Director _director;
    private readonly Random _random;
    private readonly SimulatedProcess _process;

    public ScriptRunner(SimulatedCluster cluster)
    {
        _cluster = cluster;
        _range = cluster.Ranges[0];
        _director = _range.Director;
        _random = cluster.World.NewRandom("script");
        _process = new SimulatedProcess(cluster.World, "script", _random);
        if (cluster.Profile.Script is not (Script.None or Script.LateDecision or Script.ClocksApart))
            _process.Start(RunAsync);
    }

    private async Task RunAsync()
    {
        while (_cluster.AreThingsBreaking)
        {
            _cluster.Network.Heal();
            _cluster.Network.Faults = _cluster.Profile.Network;
            foreach (var node in _cluster.Nodes)
            {
                node.SlowestDisk = TimeSpan.Zero;
                if (!node.IsUp)
                    node.Start();
            }

            if (!await UntilAsync(() => _director.Serving is not null && _director.IsEveryVoterSound))
                continue;
            await DelayAsync(_random.Next(200));
            await (_cluster.Profile.Script switch
            {
                Script.StaleLease => StaleLeaseAsync(),
                Script.LateRelease => LateReleaseAsync(),
                Script.LooseEnd => LooseEndAsync(),
                Script.FigureEight => FigureEightAsync(),
                Script.SourceMovesOn => SourceMovesOnAsync(),
                Script.OldVoters => OldVotersAsync(),
                _ => TransfersAsync(),
            });
        }
    }

    private async Task StaleLeaseAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        var others = Others(leader.Candidate.Node);
        CutOff(leader.Candidate.Node);
        foreach (var other in others.Where(_ => _random.Next(2) == 0))
        {
            other.Crash(disk => disk.AfterProcessKill());
            other.Start();
        }

        _director.Place(others[_random.Next(others.Count)].Name);
        await DelayAsync(500);
    }

    private async Task LateReleaseAsync()
    {
        for (var transfers = 0; transfers < 2; transfers++)
        {
            await TransferAsync();
            await UntilAsync(() => _director.Serving is not null);
        }

        await DelayAsync(_random.Next(600));
        if (_director.Serving is not { } leader)
            return;
        CutOff(leader.Candidate.Node);
        await DelayAsync(_random.Next(50));
        _cluster.HeldReleases.ForEach(send => send());
        _cluster.HeldReleases.Clear();
        await DelayAsync(2);
        var others = Others(leader.Candidate.Node);
        _director.Place(others[_random.Next(others.Count)].Name);
        await DelayAsync(500);
    }

    private async Task LooseEndAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        var (first, second, third) = Three(leader.Candidate.Node);
        CutOff(first.Name);
        await DelayAsync(_random.Next(300));

        // Its disk is slow: it is heard of before it has its first record.
        second.SlowestDisk = TimeSpan.FromMilliseconds(60);
        _director.Place(second.Name);
        if (!await UntilAsync(() => Elected(second) > leader.Epoch))
            return;
        var ofSecond = Elected(second);
        _cluster.Network.Heal();
        CutOff(third.Name);
        await DelayAsync(_random.Next(100));
        CutOff(second.Name);
        Mend(first.Name, third.Name);
        _director.Place((_random.Next(2) == 0 ? first : third).Name);
        await UntilAsync(() => _director.Serving?.Epoch > ofSecond);
    }

    private async Task FigureEightAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        var (first, second, third) = Three(leader.Candidate.Node);
        CutOff(first.Name);
        var before = third.NewestOf(_range)!.Replica.Log.LastLsn;
        if (!await UntilAsync(() => first.NewestOf(_range) is { } replica && replica.Replica.Log.LastLsn > before))
            return;

        // The second leads, and nobody hears of it.
        _director.Place(second.Name);
        if (!await UntilAsync(() => Elected(second) > leader.Epoch))
            return;
        CutOff(second.Name);
        var ofSecond = Elected(second);

        // The first leads again, and gets only its old record across.
        Mend(first.Name, third.Name);
        _director.Place(first.Name);
        if (!await UntilAsync(() => Elected(first) > ofSecond && third.NewestOf(_range) is { } replica && replica.Replica.Log.LastLsn > before))
            return;
        await DelayAsync(1.5 * _random.NextDouble());
        var ofFirst = Elected(first);
        CutOff(first.Name);
        await DelayAsync(_random.Next(100));

        // The second knows nothing of it, and has the higher epoch at its end.
        Mend(second.Name, third.Name);
        _director.Place(second.Name);
        await UntilAsync(() => _director.Serving?.Epoch > ofFirst);
    }

    private async Task SourceMovesOnAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        var (first, second, third) = Three(leader.Candidate.Node);

        // The second falls behind, until no lease of the first counts there any more.
        CutOff(second.Name);
        await DelayAsync(500 + _random.Next(100));
        first.Process!.Start(() => first.StopLeadingAsync(_range));
        await UntilAsync(() => first.LeadersOf(_range).Count == 0);
        await DelayAsync(2);

        // The first promises itself an epoch that nobody else hears of, so that it will begin with the one after it. The third would have promised too, or it would not.
        var before = first.NewestOf(_range)?.Replica.Promise.PromisedEpoch;
        _director.Place(first.Name);
        if (!await UntilAsync(() => first.NewestOf(_range)?.Replica.Promise.PromisedEpoch > before))
            return;
        CutOff(first.Name);
        await DelayAsync(2);
        first.Process!.Start(() => first.StopLeadingAsync(_range));
        await UntilAsync(() => first.LeadersOf(_range).Count == 0);

        // The second gets the third's promise. Before it has its records, the first leads.
        _cluster.Network.Faults = _cluster.Profile.Network with { Delay = TimeSpan.FromMilliseconds(10) };
        Mend(second.Name, third.Name);
        _director.Place(second.Name);
        if (!await UntilAsync(() => third.NewestOf(_range)?.LeaderNode == second.Name))
            return;
        _cluster.Network.Faults = _cluster.Profile.Network;
        Mend(first.Name, third.Name);
        _director.Place(first.Name);
        await DelayAsync(100);
    }

    private async Task OldVotersAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        var voters = leader.Configuration.Voters.Where(voter => voter.Node != leader.Candidate.Node).OrderBy(_ => _random.Next()).ToList();
        var (leaving, missing) = (voters[0], voters[1]);
        CutOff(missing.Node);
        _director.Replace(leaving.Id);
        if (!await UntilAsync(() => leader.Configuration is { IsJoint: false } configuration && !configuration.Contains(leaving.Id)))
            return;

        // The new voters go on without the old ones, until no lease counts there any more.
        CutOff(leaving.Node);
        await DelayAsync(500 + _random.Next(100));
        Mend(leaving.Node, missing.Node);
        _director.Place(missing.Node);
        await DelayAsync(_random.Next(200));
        _cluster.Network.Heal();
        await DelayAsync(500);
    }

    /// <summary>The successor hears nothing more of the one before: what that one showed last is to be known from its release.</summary>
    private async Task TransfersAsync()
    {
        if (_director.Serving is not { } leader)
            return;
        await TransferAsync(cutsOff: true);
        await UntilAsync(() => _director.Serving?.Epoch > leader.Epoch);
        await DelayAsync(_random.Next(150));
    }

    private async Task TransferAsync(bool cutsOff = false)
    {
        if (_director.Serving is not { } leader)
            return;
        var from = _cluster.Node(leader.Candidate.Node);
        foreach (var node in _cluster.Nodes)
            node.Clocks.WallOffset = Profile.MaxClockOffset / 2 * (node == from ? 1 : -1);
        await DelayAsync(_random.Next(300));
        var to = Others(from.Name);
        if (!from.IsUp)
            return;
        from.Process!.Start(() => from.StopLeadingAsync(_range));
        await UntilAsync(() => from.LeadersOf(_range).Count == 0);
        if (cutsOff)
        {
            await DelayAsync(1);
            CutOff(from.Name);
        }

        _director.Place(to[_random.Next(to.Count)].Name);
        await UntilAsync(() => _director.Serving is not null);
    }

    /// <summary>The newest epoch for which somebody on the node won its promises; zero for none.</summary>
    private Epoch Elected(SimulatedNode node) => node.LeadersOf(_range).Select(leader => leader.Epoch).DefaultIfEmpty().Max();

    private List<SimulatedNode> Others(string name) => [.. _cluster.Nodes.Where(node => node.Name != name && node.IsUp && node.NewestOf(_range) is not null)];

    private (SimulatedNode First, SimulatedNode Second, SimulatedNode Third) Three(string first)
    {
        var others = _cluster.Nodes.Where(node => node.Name != first).OrderBy(_ => _random.Next()).ToList();
        return (_cluster.Node(first), others[0], others[1]);
    }

    private void CutOff(string name)
    {
        foreach (var other in _cluster.Nodes.Where(node => node.Name != name))
        {
            _cluster.Network.Cut(name, other.Name);
            _cluster.Network.Cut(other.Name, name);
        }
    }

    private void Mend(string left, string right)
    {
        _cluster.Network.Mend(left, right);
        _cluster.Network.Mend(right, left);
    }

    private Task DelayAsync(double milliseconds)
    {
        var passed = new TaskCompletionSource();
        _cluster.World.Schedule(TimeSpan.FromMilliseconds(milliseconds), _process, passed.SetResult);
        return passed.Task;
    }

    private async Task<bool> UntilAsync(Func<bool> condition)
    {
        var end = _cluster.World.Now + Patience.Ticks;
        while (_cluster.AreThingsBreaking && _cluster.World.Now < end)
        {
            if (condition())
                return true;
            var passed = new TaskCompletionSource();
            _cluster.World.Schedule(Step, _process, passed.SetResult);
            await passed.Task;
        }

        return false;
    }
}

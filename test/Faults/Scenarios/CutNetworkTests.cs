using GrainDb.Faults.Clusters;
using GrainDb.Faults.Recording;
using Xunit;

namespace GrainDb.Faults.Scenarios;

/// <summary>Nodes in network namespaces that are cut off from each other, while clients reach all of them.</summary>
public sealed class CutNetworkTests
{
    /// <summary>Share of their throughput that the others keep while a node that was away catches up.</summary>
    private const double KeptThroughput = 0.7;

    private static readonly TimeSpan CutFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    private static readonly WorkloadOptions Busy = new() { Clients = 16, LongestPause = TimeSpan.Zero, KeyTurn = TimeSpan.FromSeconds(1) };

    /// <summary>Clients that go on asking the node that was cut off.</summary>
    private static readonly WorkloadOptions Faithful = new() { Clients = 8, FirstClient = Busy.Clients };

    [Fact]
    public Task A_leader_that_is_cut_off_accepts_nothing_and_catches_up_when_it_returns() => IsolateAsync(isLeader: true);

    [Fact]
    public Task Another_node_that_is_cut_off_accepts_nothing_and_catches_up_when_it_returns() => IsolateAsync(isLeader: false);

    [Fact]
    public async Task Cuts_between_some_nodes_are_survived_and_healed()
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var network = NewNetwork();
        await using var run = await FaultRun.StartAsync(new WorkloadOptions(), network, null, cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            await DisturbAsync("two nodes cut off from each other, not from the third", (leader, others) => network.Cut(leader, others[0]));
            await DisturbAsync("a follower does not hear the leader", (leader, others) => network.Deafen(others[0], leader));
            await DisturbAsync("the leader does not hear a follower", (leader, others) => network.Deafen(leader, others[0]));
            await DisturbAsync("the leader hears nobody", (leader, others) =>
            {
                network.Deafen(leader, others[0]);
                network.Deafen(leader, others[1]);
            });
        }

        await run.FinishAsync();

        async Task DisturbAsync(string what, Action<ClusterNode, IReadOnlyList<ClusterNode>> cut)
        {
            var leader = await run.Cluster.LeaderAsync(cancellationToken);
            var others = run.Cluster.Others(leader);
            var fault = run.History.Now;
            cut(leader, others);
            await run.WritesAgainAsync(what, fault, others);
            await run.LoadAsync(CutFor);
            network.Heal(run.Cluster.Nodes);
            await run.WholeAgainAsync($"{what}, healed");
        }
    }

    private static async Task IsolateAsync(bool isLeader)
    {
        var cancellationToken = TestContext.Current.CancellationToken;
        var network = NewNetwork();
        await using var run = await FaultRun.StartAsync(Busy, network, null, cancellationToken);
        foreach (var _ in run.Rounds(few: 1))
        {
            var leader = await run.Cluster.LeaderAsync(cancellationToken);
            var victim = isLeader ? leader : run.Cluster.Nodes[leader.Number % FaultRun.Nodes];
            var others = run.Cluster.Others(victim);
            var what = $"{victim.Name}{(isLeader ? " (leader)" : "")} cut off";
            var cut = run.History.Now;
            foreach (var other in others)
                network.Cut(victim, other);
            await using var faithful = Workload.Start([victim], run.History, Faithful, cancellationToken);
            await run.WritesAgainAsync(what, cut, others);
            await run.LoadAsync(CutFor);
            var before = run.History.Now;
            await run.LoadAsync(Window);
            var healed = run.History.Now;
            network.Heal(run.Cluster.Nodes);
            await run.LoadAsync(Window);
            var after = run.History.Now;
            await faithful.StopAsync();
            AcceptedNothing(run, victim, cut + FaultRun.LeaseSurelyOver, healed);

            await run.WholeAgainAsync($"{victim.Name} returned");
            var (rateBefore, rateAfter) = (run.Rate(before, healed), run.Rate(healed, after));
            Report.Say($"{what}: {rateBefore:0}/s while it was away, {rateAfter:0}/s when it returned");
            Assert.True(rateAfter >= KeptThroughput * rateBefore, $"{rateAfter:0}/s after its return is less than {KeptThroughput:P0} of {rateBefore:0}/s");
        }

        await run.FinishAsync();
    }

    private static NamespaceNetwork NewNetwork()
    {
        var reason = NamespaceNetwork.WhyNot();
        Assert.SkipWhen(reason is not null, reason ?? "");
        return NamespaceNetwork.Create(FaultRun.Nodes);
    }

    /// <summary>From the moment that its leases have run out, a node that reaches no other neither writes nor reads for anybody.</summary>
    private static void AcceptedNothing(FaultRun run, ClusterNode victim, TimeSpan from, TimeSpan to)
    {
        var there = run.History.Operations.Where(operation => operation.Node == victim.Name && operation.Invoked > from && operation.Returned < to).ToList();
        var served = there.Where(operation => operation.Outcome is OperationOutcome.Applied or OperationOutcome.ConditionFailed).ToList();
        Report.Say($"{there.Count} requests at {victim.Name} while it was cut off, {served.Count} served");
        Assert.NotEmpty(there);
        Assert.True(served.Count == 0, $"{victim.Name} was cut off and served {served.Count} requests:\n{string.Join('\n', served.Take(10))}");
    }
}

using GrainDb.Grains.Nodes;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Nodes;

public sealed class RangeStatusTests
{
    private static readonly RangeId Range = new(5);
    private static readonly ReplicaDescriptor[] Ids = [.. Enumerable.Range(1, 3).Select(node => new ReplicaDescriptor($"n{node}", new Guid(node, 0, 0, new byte[8])))];
    private static readonly RangeDescriptor Descriptor = new(Range, "wide", [], null, Generation: 3, Ids);
    private static readonly RangeConfiguration Older = new([Ids[0]], []);
    private static readonly RangeConfiguration Newer = new([Ids[1], Ids[2]], Ids);

    [Fact]
    public void The_leader_s_log_says_who_votes()
    {
        var status = Build(
            Report("n1", epoch: 4, lsn: 50, Older),
            Report("n2", epoch: 5, lsn: 42, Newer, leads: true),
            Report("n3", epoch: 5, lsn: 40, Older));

        Assert.Equal(Newer, status.Configuration);
        Assert.Equal("n2", status.Leader);
        Assert.Equal(new Epoch(5), status.Epoch);
        Assert.Equal([Ids[0].Id, Ids[1].Id, Ids[2].Id], status.Replicas.Select(replica => replica.Id!.Value));
        Assert.Equal([0L, 0L, 2L], status.Replicas.Select(replica => replica.Lag));
        Assert.Equal(new Lsn(41), status.Replicas[1].Applied);
    }

    [Fact]
    public void Without_a_leader_the_log_that_got_furthest_says_it()
    {
        Assert.Equal(Newer, Build(Report("n1", epoch: 4, lsn: 50, Older), Report("n2", epoch: 5, lsn: 42, Newer), Report("n3", epoch: 5, lsn: 40, Older)).Configuration);
        Assert.Equal(Older, Build(Report("n1", epoch: 4, lsn: 50, Older), Report("n2", epoch: 5, lsn: 42, null)).Configuration);
    }

    [Fact]
    public void Of_a_range_out_of_memory_nobody_knows_it()
    {
        var status = Build(Report("n1", epoch: 0, lsn: 0, null, ReplicaState.Idle));

        Assert.Null(status.Configuration);
        Assert.Equal([ReplicaState.Idle, ReplicaState.Unreachable, ReplicaState.Unreachable], status.Replicas.Select(replica => replica.State));
    }

    private static Said Report(string node, ulong epoch, ulong lsn, RangeConfiguration? configuration, ReplicaState state = ReplicaState.Member, bool leads = false) => new(node, new ReplicaReport
    {
        Range = Range,
        Replica = Array.Find(Ids, replica => replica.Node == node)!.Id,
        State = state,
        Role = leads ? ReplicaRole.Leader : ReplicaRole.Follower,
        Applied = new Lsn(lsn - (leads ? 1UL : 0)),
        Epoch = new Epoch(epoch),
        Lsn = new Lsn(lsn),
        Configuration = configuration,
    });

    /// <summary>Nodes that say nothing are silent.</summary>
    private static RangeStatus Build(params Said[] said) => RangeStatusBuilder.Build(
        Descriptor,
        KeyspaceFamily.Strong,
        said.ToDictionary(replica => replica.Node, NodeReport? (replica) => new NodeReport("", [replica.Report])));

    private sealed record Said(string Node, ReplicaReport Report);
}

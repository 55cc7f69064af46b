using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Replication;

/// <summary>A replica whose state is still on the disk: it takes part, and shows nothing that it does not have.</summary>
public sealed class UnloadedReplicaTests
{
    [Fact]
    public void FollowersPromiseAndAcknowledgeWithoutTheirState()
    {
        var trio = RestartedFromCheckpoints();
        var leader = Start(trio, "node1");

        var written = trio.Run(trio.Begin(leader, RangeRig.Put("new", "w")));

        Assert.Null(written.Failure);
        Assert.True(trio.Replicas["node1"].Replica.IsLoaded);
        Assert.All((string[])["node2", "node3"], node => Assert.False(trio.Replicas[node].Replica.IsLoaded));
        Assert.Equal("v", Value(trio.Run(trio.BeginRead(leader, "k"))));
        Assert.Equal("w", Value(trio.Run(trio.BeginRead(leader, "new"))));
    }

    [Fact]
    public void AFollowerAppliesNothingAndServesNothingUntilItsStateIsThere()
    {
        var trio = RestartedFromCheckpoints();
        var leader = Start(trio, "node1");
        trio.Run(trio.Begin(leader, RangeRig.Put("new", "w")));
        trio.Pass(1000);
        var follower = trio.Replicas["node2"];
        var checkpoint = follower.Replica.AppliedLsn;

        var before = ReadAt(follower, "k");
        follower.Load();
        var after = ReadAt(follower, "new");

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (before.Failure?.Code, before.Failure?.Outcome));
        Assert.True(checkpoint < follower.Replica.AppliedLsn);
        Assert.Equal(leader.Replica.AppliedLsn, follower.Replica.AppliedLsn);
        Assert.Equal("w", Value(after));
    }

    [Fact]
    public void AnUnloadedStateIsNeverTakenForAnEmptyOne()
    {
        var replica = RestartedFromCheckpoints().Replicas["node2"].Replica;

        Assert.Null(replica.Checkpoint(CancellationToken.None));
        Assert.False(replica.ShouldCheckpoint());
        Assert.False(replica.HasGarbage);
        Assert.True(replica.CollectGarbageSlice(100));
        Assert.Throws<InvalidOperationException>(() => replica.Store);
    }

    [Fact]
    public void TimePassesForALeaderWhoseStateIsStillBeingLoaded()
    {
        var trio = RestartedFromCheckpoints();
        var leader = trio.NewLeader("node1");

        var starting = leader.StartAsync();
        leader.Tick();

        Assert.False(trio.Replicas["node1"].Replica.IsLoaded);
        Assert.Null(trio.Run(starting));
    }

    [Fact]
    public void LoadingAgainChangesNothing()
    {
        var replica = RestartedFromCheckpoints().Replicas["node2"].Replica;

        replica.Load();
        var store = replica.Store;
        replica.Load();

        Assert.Same(store, replica.Store);
        Assert.Equal(1, replica.GetFigures().Keys);
    }

    [Fact]
    public void WhatIsCommittedIsAppliedBehindTheAnswer()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        trio.Run(trio.Begin(leader, RangeRig.Put("k", "v")));
        var follower = trio.Replicas["node2"];
        follower.ApplyCommitted();
        var (applied, last) = (follower.Replica.AppliedLsn, follower.Replica.Log.LastLsn);
        Assert.True(applied < last);

        var answer = follower.Append(Heartbeat(leader, follower, last));

        Assert.Equal((AppendOutcome.Accepted, last), (answer.Outcome, answer.DurableLsn));
        Assert.Equal(applied, follower.Replica.AppliedLsn);
        Assert.True(follower.HasUnapplied);
        follower.ApplyCommitted();
        Assert.Equal(last, follower.Replica.AppliedLsn);
        Assert.False(follower.HasUnapplied);
    }

    private static AppendRequest Heartbeat(RangeLeader leader, ReplicaAcceptor follower, Lsn last) => new()
    {
        Replica = follower.Id,
        Epoch = leader.Epoch,
        Leader = leader.Candidate,
        PrevLsn = last,
        PrevEpoch = leader.Epoch,
        Records = default,
        CommitLsn = last,
        LeaseTimestamp = follower.Replica.Clock.Now(),
        Clock = follower.Replica.Clock.Now(),
    };

    /// <summary>One key is in everybody's checkpoint; all were killed and run again, with their states on the disk.</summary>
    private static ReplicaTrio RestartedFromCheckpoints()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        trio.Run(trio.Begin(leader, RangeRig.Put("k", "v")));
        trio.Pass(1000);
        foreach (var replica in trio.Replicas.Values)
            Assert.NotNull(replica.Replica.Checkpoint(CancellationToken.None));
        trio.RestartAllUnloaded();
        return trio;
    }

    private static RangeLeader Start(ReplicaTrio trio, string node)
    {
        var leader = trio.NewLeader(node);
        Assert.Null(trio.Run(leader.StartAsync()));
        return leader;
    }

    private static ReadResult ReadAt(ReplicaAcceptor acceptor, string key) =>
        new FollowerReader(acceptor, ReplicaTrio.Descriptor, KeyspacePartitioning.Range, "node2", "local").Read(
            new RangeRead(Encoding.UTF8.GetBytes(key), default, Generation: 1) { Consistency = new ReadConsistency(ReadLevel.Eventual, default, default, LocalOnly: true) });

    private static string Value(ReadResult read) => Encoding.UTF8.GetString(read.Value.Span);
}

using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Replication;

public sealed class ReplicatedRangeTests
{
    [Fact]
    public void AWriteIsOnAMajorityBeforeItIsAnswered()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");

        var written = Write(trio, leader, "k", "v");

        Assert.Null(written.Failure);
        Assert.True(trio.Replicas.Values.Count(replica => replica.Replica.GetFigures().LastLsn >= new Lsn(2)) >= 2);
        Assert.Equal("v", Read(trio, leader, "k"));
    }

    [Fact]
    public void FollowersApplyWhatIsCommitted()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");

        trio.Pass(1000);

        Assert.All(trio.Replicas.Values, replica => Assert.Equal(new Lsn(2), replica.Replica.AppliedLsn));
    }

    [Fact]
    public void AnAppendThatIsRepeatedWithMoreBehindItDoesNotReadTheLogRecordByRecord()
    {
        const int Writes = 200;
        const int ReadsPerAppend = 2; // of the record before it, and of its last one
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");
        trio.Pass(1000);
        trio.Cut("node3", "node1"); // it hears, and is not heard
        var (reads, appends) = (trio.Disks["node3"].ReadsBegun, trio.Appends);

        for (var i = 0; i < Writes; i++)
        {
            Write(trio, leader, $"k{i}", "v");
            if (i % 20 == 0)
            {
                trio.Heal();
                trio.Pass(300);
                trio.Cut("node3", "node1");
            }
        }

        trio.Heal();
        trio.Pass(1000);
        Assert.Equal(trio.Replicas["node1"].Replica.GetFigures().LastLsn, trio.Replicas["node3"].Replica.GetFigures().LastLsn);
        Assert.InRange(trio.Disks["node3"].ReadsBegun - reads, 0, ReadsPerAppend * (trio.Appends - appends));
    }

    [Fact]
    public void ASuccessorHasEverythingThatWasAnswered()
    {
        var trio = new ReplicaTrio();
        var first = Start(trio, "node1");
        Write(trio, first, "k", "v");
        trio.Isolate("node1");

        var second = Start(trio, "node2");

        Assert.Equal("v", Read(trio, second, "k"));
        Assert.True(second.Epoch > first.Epoch);
    }

    [Fact]
    public void AnIsolatedLeaderAcceptsNothingAndServesNoReadOnceItsLeaseIsOver()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");
        trio.Isolate("node1");
        trio.Pass(1000);

        var read = trio.Run(trio.BeginRead(leader, "k"));
        var written = Write(trio, leader, "k", "w");

        Assert.Equal(ErrorCode.Unavailable, read.Failure?.Code);
        Assert.Equal(Outcome.NotApplied, written.Failure?.Outcome);
    }

    [Fact]
    public void AReadAtOnceIsAnsweredOnlyWhereNothingHasToBeWaitedFor()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        var written = Write(trio, leader, "k", "v");
        RangeRead newest = new(Encoding.UTF8.GetBytes("k"), default, Generation: 1);
        Assert.Equal("v", Encoding.UTF8.GetString(leader.TryRead(newest)!.Value.Span));
        Assert.Null(leader.TryRead(newest with { Generation = 2 }));

        trio.Isolate("node1");
        var writing = trio.Begin(leader, RangeRig.Put("k", "w"));
        trio.Pass(50);
        Assert.Equal(written.Version, leader.TryRead(newest)!.Version); // below what is on its way
        Assert.Null(leader.TryRead(newest with { AsOf = trio.Replicas["node1"].Replica.Clock.Now() })); // above it

        trio.Pass(1000);
        Assert.Null(leader.TryRead(newest)); // the lease is over
        trio.Heal();
        Assert.Null(trio.Run(writing).Failure);
    }

    [Fact]
    public void WhatADeposedLeaderHadUnderWayIsUnknown()
    {
        var trio = new ReplicaTrio();
        var first = Start(trio, "node1");
        trio.Isolate("node1");
        var writing = trio.Begin(first, RangeRig.Put("k", "lost"));
        var second = Start(trio, "node2");
        Write(trio, second, "k", "won");

        trio.Heal();
        var written = trio.Run(writing);
        trio.Pass(1000);

        Assert.Equal(Outcome.Unknown, written.Failure?.Outcome);
        Assert.True(first.IsStopped);
        Assert.Equal("won", Read(trio, second, "k"));
        Assert.Equal(trio.Replicas["node2"].Replica.AppliedLsn, trio.Replicas["node1"].Replica.AppliedLsn);
    }

    [Fact]
    public void ACandidateThatDoesNotHearALeaderWhomOthersHearDeposesNobody()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        trio.Cut("node1", "node3");
        trio.Pass(2000);

        var deaf = trio.NewLeader("node3");
        var refused = trio.Run(deaf.StartAsync(), milliseconds: 20_000);
        trio.Heal();
        trio.Pass(1000);

        Assert.Equal(ErrorCode.Unavailable, refused?.Code);
        Assert.False(leader.IsStopped);
        Assert.Equal(leader.Epoch, trio.Replicas["node3"].Replica.Promise.PromisedEpoch);
        Assert.Null(Write(trio, leader, "k", "v").Failure);
    }

    [Fact]
    public void TheHeirIsKnownToWhoFollowsUntilSomebodyLeads()
    {
        var trio = new ReplicaTrio();
        var first = Start(trio, "node1");
        Assert.True(trio.Run(HandOver(first, "node2")));
        Assert.All(trio.Replicas.Values, replica => Assert.Equal(("node2", false), (replica.Heir, replica.ExpectsLeader)));

        Start(trio, "node3");
        trio.Pass(500);

        Assert.All(["node1", "node2"], node => Assert.Equal(("", "node3", true), (trio.Replicas[node].Heir, trio.Replicas[node].LeaderNode, trio.Replicas[node].ExpectsLeader)));
    }

    [Fact]
    public void AReleasedLeaseNeedsNoWait()
    {
        var trio = new ReplicaTrio();
        var first = Start(trio, "node1");
        var begun = trio.Time.GetUtcNow();
        Assert.True(trio.Run(Dispose(first)));

        Start(trio, "node2");

        Assert.InRange(trio.Time.GetUtcNow() - begun, TimeSpan.Zero, TimeSpan.FromMilliseconds(300));
    }

    [Fact]
    public void ACandidateThatCannotCatchUpInTimeNamesWhoHasTheLogAndKeepsWhatItGot()
    {
        var trio = new ReplicaTrio(ReplicationOptions.Default with { MaxAppendBytes = 1024 });
        var first = Start(trio, "node1");
        trio.Isolate("node3");
        for (var n = 0; n < 40; n++)
            Write(trio, first, $"k{n}", new string('v', 500));
        trio.Pass(500);
        trio.Heal();
        trio.Isolate("node1");
        trio.Pass(2000);
        trio.FetchTime = TimeSpan.FromMilliseconds(500);
        var begun = trio.Time.GetUtcNow();

        var slow = trio.NewLeader("node3");
        var refused = trio.Run(slow.StartAsync(), milliseconds: 60_000);

        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (refused!.Code, refused.Outcome));
        Assert.Equal("node2", slow.Better);
        Assert.InRange(trio.Time.GetUtcNow() - begun, trio.Options.CampaignTimeout, trio.Options.CampaignTimeout + TimeSpan.FromSeconds(1));
        Assert.True(trio.Replicas["node3"].Replica.GetFigures().LastLsn > new Lsn(5));
        Assert.Equal(new string('v', 500), Read(trio, Start(trio, "node2"), "k39"));
    }

    [Fact]
    public void AFollowerThatMissedMoreThanTheLogHoldsGetsASnapshot()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        trio.Isolate("node3");
        for (var i = 0; i < 3; i++)
        {
            for (var n = 0; n < 40; n++)
                Write(trio, leader, $"k{n}", new string('v', 500));
            trio.Replicas["node1"].Replica.Checkpoint(TestContext.Current.CancellationToken);
        }

        trio.Heal();
        trio.Pass(3000);

        Assert.Equal(trio.Replicas["node1"].Replica.AppliedLsn, trio.Replicas["node3"].Replica.AppliedLsn);
        Assert.Equal(40, trio.Replicas["node3"].Replica.GetFigures().Keys);
    }

    [Fact]
    public void AFollowerThatAnswersAndTakesNothingDoesNotKeepTheLeadersLogForEver()
    {
        var trio = new ReplicaTrio(ReplicationOptions.Default with { MaxRetainedBytes = 64 << 10 });
        var leader = Start(trio, "node1");
        trio.Pass(500);
        trio.Disks["node3"].CapacityBytes = trio.Disks["node3"].UsedBytes;
        var log = trio.Replicas["node1"].Replica;
        for (var i = 0; i < 10; i++)
        {
            for (var n = 0; n < 40; n++)
                Write(trio, leader, $"k{n}", new string('v', 500));
            trio.Pass(100);
            log.Checkpoint(TestContext.Current.CancellationToken);
        }

        Assert.True(trio.Replicas["node3"].Replica.GetFigures().LastLsn.Next < log.Log.FirstLsn);
        Assert.InRange(log.Log.AllocatedBytes, 1, 128 << 10);

        trio.Disks["node3"].CapacityBytes = long.MaxValue;
        trio.Pass(3000);
        Assert.Equal(log.AppliedLsn, trio.Replicas["node3"].Replica.AppliedLsn);
    }

    private static ReplicaTrio WithFullDisks(out RangeLeader leader, out string lastKey)
    {
        var trio = new ReplicaTrio();
        leader = Start(trio, "node1");
        trio.Pass(500);
        foreach (var disk in trio.Disks.Values)
            disk.CapacityBytes = disk.UsedBytes + (WalOptions.Default.ReservedFreeBytes * 3 / 4);
        var (written, refusal) = (0, (Failure?)null);
        while (refusal is null && written < 100)
        {
            refusal = Write(trio, leader, $"k{written}", new string('v', 200)).Failure;
            written += refusal is null ? 1 : 0;
        }

        Assert.Contains("takes no writes", refusal?.Detail, StringComparison.Ordinal);
        lastKey = $"k{written - 1}";
        return trio;
    }

    /// <summary>Each time one was away during two elections, and then another is.</summary>
    [Fact]
    public void AReplicaThatWasAwayDuringElectionsCatchesUpOnAFullDisk()
    {
        const int Absences = 20;
        var trio = WithFullDisks(out var leader, out var lastKey);
        for (var i = 0; i < Absences; i++)
        {
            for (var election = 0; election < 2; election++)
            {
                trio.RestartAll();
                trio.Heal();
                trio.Isolate($"node{1 + (i % 3)}");
                leader = Start(trio, $"node{1 + ((i + 1) % 3)}");
            }
        }

        Assert.Equal(new string('v', 200), Read(trio, leader, lastKey));
    }

    [Fact]
    public void NobodyLooksRoomyBecauseOfTheReserve()
    {
        var trio = WithFullDisks(out var leader, out _);
        for (var i = 0; i < 40; i++)
        {
            trio.Run(HandOver(leader, $"node{1 + (i % 3)}"));
            leader = Start(trio, $"node{1 + (i % 3)}");
            if (i < 3)
                Assert.NotNull(Write(trio, leader, "k", new string('v', 900)).Failure); // everybody has met its full disk
            trio.Pass(1000);
            if (i >= 3)
            {
                Assert.NotNull(leader.WhyFull);
                Assert.Null(leader.FindCaughtUp());
            }
        }

        foreach (var disk in trio.Disks.Values)
            disk.CapacityBytes = long.MaxValue;
        Assert.Null(Write(trio, leader, "k", "v").Failure);
        trio.Pass(1000);
        Assert.Null(leader.WhyFull);
        Assert.NotNull(leader.FindCaughtUp());
    }

    [Fact]
    public void FullDisksAreReadFromAfterARestart()
    {
        const int Elections = 40; // more than fit into what a segment may have left
        var trio = WithFullDisks(out var leader, out var lastKey);
        for (var i = 0; i < Elections; i++)
        {
            trio.RestartAll();
            leader = Start(trio, $"node{1 + (i % 3)}");
        }

        Assert.Equal(new string('v', 200), Read(trio, leader, lastKey));
        Assert.All(trio.Disks.Values, disk => Assert.InRange(disk.CapacityBytes - disk.UsedBytes, WalOptions.Default.ReservedFreeBytes / 2, WalOptions.Default.ReservedFreeBytes));
    }

    [Fact]
    public void ASnapshotLeavesDiskAndNetworkToOthers()
    {
        var trio = new ReplicaTrio(ReplicationOptions.Default with { MaxSnapshotBytesPerSecond = 1_000_000, MaxRetainedBytes = 1, MaxWindowBytes = 1024 });
        var leader = Start(trio, "node1");
        trio.Pass(500);
        trio.Isolate("node3");
        for (var i = 0; i < 3; i++)
        {
            for (var n = 0; n < 1000; n++)
                Assert.Null(Write(trio, leader, $"k{i}-{n}", new string('v', 1000)).Failure);
            trio.Replicas["node1"].Replica.Checkpoint(TestContext.Current.CancellationToken);
        }

        trio.Heal();
        trio.Pass(1000);
        Assert.Equal(new Lsn(1), trio.Replicas["node3"].Replica.AppliedLsn);
        trio.Pass(10_000);

        Assert.Equal(trio.Replicas["node1"].Replica.AppliedLsn, trio.Replicas["node3"].Replica.AppliedLsn);
    }

    [Fact]
    public void ALeaderThatFindsDamageInItsLogIsBroken()
    {
        var trio = new ReplicaTrio(ReplicationOptions.Default with { MaxWindowBytes = 1024 });
        var leader = Start(trio, "node1");
        trio.Pass(500);
        trio.Isolate("node3");
        for (var n = 0; n < 40; n++)
            Write(trio, leader, $"k{n}", new string('v', 500));
        trio.Disks["node1"].FlipBit("/range/wal-00000000000000000001.log", 2000, 1);

        trio.Heal();
        trio.Pass(1000);

        Assert.True(leader.IsStopped);
        Assert.NotNull(trio.Replicas["node1"].Replica.BrokenReason);
        Assert.Equal("v", Read(trio, WriteThrough(trio, "node2"), "k"));
    }

    [Fact]
    public void ALeaderWhoseDiskHangsLeavesTheRangeToOthers()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");
        var (hangs, wasStopped) = (true, false);
        trio.Disks["node1"].Faults = operation =>
        {
            if (hangs && operation.Kind == DiskOperationKind.SyncFile)
            {
                hangs = false;
                trio.Cut("node2", "node1"); // its replica waits for its disk
                trio.Cut("node3", "node1");
                trio.Pass((int)trio.Options.MaxDiskStall.TotalMilliseconds + 500);
                wasStopped = leader.IsStopped;
                WriteThrough(trio, "node2");
            }

            return DiskFault.None;
        };
        var undecided = trio.Begin(leader, RangeRig.Put("k", "w"));
        trio.Pass(500);

        Assert.True(wasStopped);
        Assert.Equal(Outcome.Unknown, trio.Run(undecided).Failure?.Outcome);
    }

    private static RangeLeader WriteThrough(ReplicaTrio trio, string node)
    {
        var leader = Start(trio, node);
        Assert.Null(Write(trio, leader, "k", "v").Failure);
        return leader;
    }

    [Fact]
    public void ARestartedClusterServesWhatWasAnswered()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");
        trio.RestartAll();
        var next = Start(trio, "node3");

        Assert.Equal("v", Read(trio, next, "k"));
    }

    [Fact]
    public void VotersAreReplacedByJointConsensus()
    {
        var trio = new ReplicaTrio();
        var leader = Start(trio, "node1");
        Write(trio, leader, "k", "v");

        var failure = trio.Run(leader.ChangeMembershipAsync([ReplicaTrio.IdOf("node1"), ReplicaTrio.IdOf("node2")], TimeSpan.FromSeconds(5)));

        Assert.Null(failure);
        Assert.Equal(2, leader.Configuration.Voters.Length);
        trio.Isolate("node3");
        Assert.Null(Write(trio, leader, "k", "w").Failure);
    }

    private static RangeLeader Start(ReplicaTrio trio, string node)
    {
        var leader = trio.NewLeader(node);
        Assert.Null(trio.Run(leader.StartAsync()));
        return leader;
    }

    private static async Task<bool> HandOver(RangeLeader leader, string heir)
    {
        await leader.HandOverAsync(heir);
        return true;
    }

    private static async Task<bool> Dispose(RangeLeader leader)
    {
        await leader.DisposeAsync();
        return true;
    }

    private static WriteResult Write(ReplicaTrio trio, RangeLeader leader, string key, string value) => trio.Run(trio.Begin(leader, RangeRig.Put(key, value)));

    private static string? Read(ReplicaTrio trio, RangeLeader leader, string key)
    {
        var result = trio.Run(trio.BeginRead(leader, key));
        Assert.Null(result.Failure);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }
}

using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class ConflictDismissalTests
{
    private static readonly Guid Other = new(2, 0, 0, new byte[8]);

    [Fact]
    public void Conflicts_of_a_winner_are_listed_until_they_are_dismissed_and_others_stay()
    {
        var rig = ReplicaRig.New(ConflictPolicy.LastWriterWins);
        var kept = Conflict(rig, "kept");
        var gone = Conflict(rig, "gone");

        Assert.True(rig.Run(rig.Replica.DismissAsync(gone.Key, gone.Winner)));

        Assert.Equal(kept.Winner, Assert.Single(rig.Replica.GetConflicts(Lsn.Zero, 10)).Record.Winner);
        Assert.Equal("later", Encoding.UTF8.GetString(rig.Read("gone").Siblings[0].Stored.Span));
    }

    [Fact]
    public void What_nobody_recorded_cannot_be_dismissed()
    {
        var rig = ReplicaRig.New(ConflictPolicy.LastWriterWins);
        var conflict = Conflict(rig, "k");
        var before = rig.Replica.GetFigures().LastLsn;

        Assert.False(rig.Run(rig.Replica.DismissAsync(conflict.Key, new Dot(Other, conflict.Winner.Counter + 1))));

        Assert.Single(rig.Replica.GetConflicts(Lsn.Zero, 10));
        Assert.Equal(before, rig.Replica.GetFigures().LastLsn);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_dismissal_outlives_a_power_loss(bool checkpointBefore, bool checkpointAfter)
    {
        var rig = ReplicaRig.New(ConflictPolicy.LastWriterWins);
        var kept = Conflict(rig, "kept");
        var gone = Conflict(rig, "gone");
        if (checkpointBefore)
            rig.Checkpoint();
        rig.Run(rig.Replica.DismissAsync(gone.Key, gone.Winner));
        if (checkpointAfter)
            rig.Checkpoint();

        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));

        Assert.Equal(kept.Winner, Assert.Single(again.Replica.GetConflicts(Lsn.Zero, 10)).Record.Winner);
    }

    [Fact]
    public void A_conflict_that_is_recorded_after_a_dismissal_is_listed()
    {
        var rig = ReplicaRig.New(ConflictPolicy.LastWriterWins);
        var first = Conflict(rig, "k");
        rig.Run(rig.Replica.DismissAsync(first.Key, first.Winner));

        var second = Conflict(rig, "k");

        Assert.Equal(second.Winner, Assert.Single(rig.Replica.GetConflicts(Lsn.Zero, 10)).Record.Winner);
    }

    /// <summary>Another replica wrote later, not having seen what is here: its value stays.</summary>
    private static ConflictRecord Conflict(ReplicaRig rig, string key)
    {
        var written = rig.Write(ReplicaRig.Put(key, "earlier"));
        var winner = new Dot(Other, written.Dot.Counter);
        var sibling = new Sibling(winner, written.Timestamp.Next, IsTombstone: false, default, Encoding.UTF8.GetBytes("later"));
        var theirs = DottedSet.Of(VersionVector.Empty.With(winner), sibling);
        var merged = rig.Run(rig.Replica.MergeAsync(new MergeRequest(ReplicaRig.Id, 1, 0, [new(Encoding.UTF8.GetBytes(key), DottedSetCodec.Encode(theirs))])));
        Assert.Equal(EventualOutcome.Done, merged.Outcome);
        return rig.Replica.GetConflicts(Lsn.Zero, 10)[^1].Record;
    }
}

using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class EventualReplicaTests
{
    private static readonly Guid Other = new(2, 0, 0, new byte[8]);

    [Fact]
    public void What_waits_is_made_durable_with_one_sync()
    {
        var rig = ReplicaRig.New();
        var syncs = 0;
        rig.Disk.Faults = operation =>
        {
            syncs += operation.Kind == DiskOperationKind.SyncFile ? 1 : 0;
            return DiskFault.None;
        };
        var writes = Enumerable.Range(0, 10).Select(index => rig.Replica.WriteAsync(ReplicaRig.Put("k" + index, "v"), 1)).ToList();
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        Assert.True(rig.Read("k0").IsEmpty, "nothing is visible before it is durable");

        rig.Flush();

        Assert.All(writes, write => Assert.Null(write.Answered().Failure));
        Assert.Equal(1, syncs);
    }

    [Fact]
    public void Writes_of_one_key_in_one_flush_see_each_other()
    {
        var rig = ReplicaRig.New();
        var first = rig.Replica.WriteAsync(ReplicaRig.Put("k", "a"), 1);
        var second = rig.Replica.WriteAsync(ReplicaRig.Put("k", "b"), 1);
        rig.Flush();

        Assert.NotEqual(first.Answered().Dot, second.Answered().Dot);
        Assert.Equal(2, rig.Read("k").Siblings.Count);
        Assert.Equal(DottedSetCodec.Decode(second.Answered().State), rig.Read("k"));
    }

    [Fact]
    public void A_restart_finds_states_standing_conflicts_and_tree()
    {
        var rig = ReplicaRig.New(ConflictPolicy.LastWriterWins);
        rig.Write(ReplicaRig.Put("k", "a"));
        Merge(rig, "k", StateOf(Other, 5, rig.Read("k").NewestTimestamp.Next, "b"));
        rig.Run(rig.Replica.MarkForRepairAsync());
        rig.Checkpoint();
        rig.Write(ReplicaRig.Put("later", "c"));

        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));

        Assert.Equal(rig.Read("k"), again.Read("k"));
        Assert.Equal(rig.Read("later"), again.Read("later"));
        Assert.Equal(rig.Replica.GetFigures() with { LastLsn = default }, again.Replica.GetFigures() with { LastLsn = default });
        Assert.True(again.Replica.Standing.NeedsRepair);
        var (_, conflict) = Assert.Single(again.Replica.GetConflicts(Lsn.Zero, 10));
        Assert.Equal(ReplicaRig.Id, Assert.Single(conflict.Losers).Dot.Actor);
        Assert.True(again.Replica.VerifyTree());
    }

    [Fact]
    public void A_full_disk_refuses_what_waits_and_nothing_of_it_is_seen()
    {
        var rig = ReplicaRig.New();
        rig.Write(ReplicaRig.Put("k", "a"));
        rig.Disk.CapacityBytes = rig.Disk.UsedBytes;
        var large = rig.Write(ReplicaRig.Put("k", new string('x', 9000)));
        Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (large.Failure!.Code, large.Failure.Outcome));
        Assert.Single(rig.Read("k").Siblings);

        rig.Disk.CapacityBytes = long.MaxValue;
        Assert.Null(rig.Write(ReplicaRig.Put("k", new string('x', 9000))).Failure);
    }

    [Fact]
    public void A_sync_that_fails_leaves_the_outcome_unknown_and_ends_the_replica()
    {
        var rig = ReplicaRig.New();
        rig.Write(ReplicaRig.Put("k", "a"));
        rig.Disk.Faults = operation => operation.Kind == DiskOperationKind.SyncFile ? DiskFault.InputOutput : DiskFault.None;
        Assert.Equal(Outcome.Unknown, rig.Write(ReplicaRig.Put("k", "b")).Failure!.Outcome);

        rig.Disk.Faults = _ => DiskFault.None;
        Assert.Equal(Outcome.NotApplied, rig.Write(ReplicaRig.Put("k", "c")).Failure!.Outcome);
        Assert.Equal(EventualOutcome.Unable, rig.Replica.Read(new StateRequest(ReplicaRig.Id, 1, "k"u8.ToArray())).Outcome);
        Assert.NotNull(rig.Replica.BrokenReason);
    }

    [Fact]
    public void At_the_bound_of_the_queue_a_write_is_refused_and_those_accepted_are_done()
    {
        var rig = ReplicaRig.New();
        var writes = Enumerable.Range(0, 65).Select(index => rig.Replica.WriteAsync(ReplicaRig.Put("k" + index, "v"), 1)).ToList();
        Assert.Equal((ErrorCode.Overloaded, Outcome.NotApplied), (writes[^1].Answered().Failure!.Code, writes[^1].Answered().Failure!.Outcome));
        rig.Flush();
        Assert.All(writes[..^1], write => Assert.Null(write.Answered().Failure));
    }

    [Fact]
    public void Requests_for_another_incarnation_or_by_an_older_configuration_change_nothing()
    {
        var rig = ReplicaRig.New();
        Assert.True(rig.Run(rig.Replica.AdoptAsync(5)));
        var state = StateOf(Other, 1, new(9), "v");

        Assert.Equal(EventualOutcome.UnknownReplica, rig.Run(rig.Replica.MergeAsync(new(Other, 5, 0, [new("k"u8.ToArray(), state)]))).Outcome);
        Assert.Equal(EventualOutcome.OldConfiguration, rig.Run(rig.Replica.MergeAsync(new(ReplicaRig.Id, 4, 0, [new("k"u8.ToArray(), state)]))).Outcome);
        Assert.Equal(ErrorCode.RangeMoved, rig.Run(rig.Replica.WriteAsync(ReplicaRig.Put("k", "v"), 4)).Failure!.Code);
        Assert.Equal(0, rig.Replica.GetFigures().Keys);

        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(EventualOutcome.OldConfiguration, again.Replica.Read(new StateRequest(ReplicaRig.Id, 4, "k"u8.ToArray())).Outcome);
    }

    [Fact]
    public void A_replica_that_joins_takes_nothing_until_it_knows_the_epoch()
    {
        var rig = new ReplicaRig(new FaultyFileSystem(), ConflictPolicy.Siblings, ReplicaStanding.Later);
        var request = new MergeRequest(ReplicaRig.Id, 1, Epoch: 3, [new("k"u8.ToArray(), StateOf(Other, 1, new(9), "v"))]);
        Assert.Equal(EventualOutcome.Joining, rig.Run(rig.Replica.MergeAsync(request)).Outcome);
        Assert.Equal(ErrorCode.Unavailable, rig.Write(ReplicaRig.Put("k", "v")).Failure!.Code);

        Assert.True(rig.Run(rig.Replica.JoinAsync(4)));
        Assert.Equal(EventualOutcome.OldEpoch, rig.Run(rig.Replica.MergeAsync(request)).Outcome);
        Assert.Equal(EventualOutcome.Done, rig.Run(rig.Replica.MergeAsync(request with { Epoch = 4 })).Outcome);
        Assert.True(rig.Replica.Standing.NeedsRepair);
    }

    [Fact]
    public void Tombstones_go_at_the_end_of_a_round_that_found_them_and_older_states_are_refused_from_then_on()
    {
        var rig = ReplicaRig.New();
        var before = rig.Write(ReplicaRig.Put("old", "v"));
        rig.Write(ReplicaRig.Delete("old"));
        rig.Write(ReplicaRig.Put("live", "v"));
        var round = Guid.NewGuid();
        rig.Step(RoundStep.Begin, round);
        rig.Write(ReplicaRig.Put("new", "v"));
        rig.Write(ReplicaRig.Delete("new"));
        rig.Step(RoundStep.Enter, round, epoch: 1);
        var collected = rig.Step(RoundStep.Collect, round, epoch: 1);

        Assert.Equal((EventualOutcome.Done, 1, true), (collected.Outcome, collected.Forgotten, collected.IsComplete));
        Assert.True(rig.Read("old").IsEmpty);
        Assert.False(rig.Read("new").IsEmpty, "it was deleted after the round began");
        var late = new MergeRequest(ReplicaRig.Id, 1, Epoch: 0, [new("old"u8.ToArray(), before.State)]);
        Assert.Equal(EventualOutcome.OldEpoch, rig.Run(rig.Replica.MergeAsync(late)).Outcome);
        Assert.True(rig.Replica.VerifyTree());

        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.True(again.Read("old").IsEmpty);
        Assert.Equal(EventualOutcome.OldEpoch, again.Run(again.Replica.MergeAsync(late)).Outcome);
    }

    /// <summary>A request that arrives twice, late: what became known in between is not known everywhere.</summary>
    [Fact]
    public void A_beginning_that_arrives_again_does_not_move_what_was_noted()
    {
        var rig = ReplicaRig.New();
        var (round, other) = (Guid.NewGuid(), Guid.NewGuid());
        var noted = rig.Step(RoundStep.Begin, round).Mark;
        rig.Write(ReplicaRig.Put("k", "v"));
        rig.Write(ReplicaRig.Delete("k"));
        Assert.Equal(noted, rig.Step(RoundStep.Begin, round).Mark);

        rig.Run(rig.Replica.StepAsync(new RoundRequest(ReplicaRig.Id, 1, other, RoundStep.Begin, 0, Timestamp.Max)));
        rig.Run(rig.Replica.StepAsync(new RoundRequest(ReplicaRig.Id, 1, round, RoundStep.Begin, 0, Timestamp.Max)));
        Assert.Equal(EventualOutcome.UnknownRound, rig.Step(RoundStep.Enter, round, epoch: 1).Outcome);
    }

    [Fact]
    public void A_round_does_not_outlive_a_restart_and_what_was_deleted_too_late_stays()
    {
        var rig = ReplicaRig.New();
        rig.Write(ReplicaRig.Put("k", "v"));
        var deleted = rig.Write(ReplicaRig.Delete("k"));
        var round = Guid.NewGuid();
        rig.Step(RoundStep.Begin, round);
        rig.Step(RoundStep.Enter, round, epoch: 1);
        Assert.Equal(0, rig.Step(RoundStep.Collect, round, epoch: 1, notAfter: deleted.Timestamp.Previous).Forgotten);

        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(EventualOutcome.UnknownRound, again.Step(RoundStep.Collect, round, epoch: 1).Outcome);
        Assert.False(again.Read("k").IsEmpty);
    }

    /// <summary>Otherwise a client that read before the deletion could supersede, unseen, what is written after it.</summary>
    [Fact]
    public void Dots_go_on_where_they_were_when_a_key_was_forgotten()
    {
        var rig = ReplicaRig.New();
        rig.Write(ReplicaRig.Put("k", "v"));
        var stale = CausalContext.Of(rig.Read("k"), "k"u8);
        rig.Write(ReplicaRig.Delete("k"));
        var round = Guid.NewGuid();
        rig.Step(RoundStep.Begin, round);
        rig.Step(RoundStep.Enter, round, epoch: 1);
        rig.Step(RoundStep.Collect, round, epoch: 1);
        rig.Write(ReplicaRig.Put("k", "new"));
        rig.Write(ReplicaRig.Put("k", "other", stale.Encode()));

        Assert.Equal(["new", "other"], rig.Read("k").Siblings.Select(sibling => Encoding.UTF8.GetString(sibling.Stored.Span[1..])));
    }

    [Fact]
    public void Expired_values_read_as_absent_and_go_like_tombstones()
    {
        var rig = ReplicaRig.New();
        var written = rig.Write(ReplicaRig.Put("k", "v") with { TimeToLive = TimeSpan.FromSeconds(10) });
        var sibling = Assert.Single(rig.Read("k").Siblings);
        Assert.True(sibling.IsVisibleAt(written.Timestamp.Add(TimeSpan.FromSeconds(9))));
        Assert.False(sibling.IsVisibleAt(written.Timestamp.Add(TimeSpan.FromSeconds(10))));

        var round = Guid.NewGuid();
        rig.Step(RoundStep.Begin, round);
        rig.Step(RoundStep.Enter, round, epoch: 1);
        Assert.Equal(0, rig.Step(RoundStep.Collect, round, epoch: 1, notAfter: written.Timestamp).Forgotten);
        Assert.Equal(1, rig.Step(RoundStep.Collect, round, epoch: 1, notAfter: written.Timestamp.Add(TimeSpan.FromSeconds(11))).Forgotten);
    }

    [Fact]
    public void A_damaged_state_is_refused_and_the_replica_goes_on()
    {
        var rig = ReplicaRig.New();
        Assert.Equal(EventualOutcome.Unable, rig.Run(rig.Replica.MergeAsync(new(ReplicaRig.Id, 1, 0, [new("k"u8.ToArray(), new byte[] { 1, 2, 3 })]))).Outcome);
        Assert.Null(rig.Write(ReplicaRig.Put("k", "v")).Failure);
    }

    [Fact]
    public void The_log_is_let_go_behind_checkpoints()
    {
        var rig = ReplicaRig.New();
        for (var round = 0; round < 12; round++)
        {
            for (var key = 0; key < 40; key++)
                rig.Write(ReplicaRig.Put("k" + key, new string('x', 100), CausalContext.Of(rig.Read("k" + key), Encoding.UTF8.GetBytes("k" + key)).Encode()));
            Assert.NotNull(rig.Checkpoint());
        }

        Assert.True(rig.Disk.UsedBytes < 200_000, $"{rig.Disk.UsedBytes} bytes");
        var again = rig.Restart(rig.Disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(rig.Replica.GetFigures().Root, again.Replica.GetFigures().Root);
    }

    [Fact]
    public void Another_incarnations_files_are_refused()
    {
        var rig = ReplicaRig.New();
        rig.Replica.Dispose();
        Assert.Throws<WalCorruptionException>(() => EventualReplica.Open(
            rig.Replica.Options with { Incarnation = Other }, rig.Disk, new Engine.Time.HybridLogicalClock(rig.Time, TimeSpan.Zero), _ => { }));
    }

    private static void Merge(ReplicaRig rig, string key, byte[] state) =>
        Assert.Equal(EventualOutcome.Done, rig.Run(rig.Replica.MergeAsync(new(ReplicaRig.Id, 1, 0, [new(Encoding.UTF8.GetBytes(key), state)]))).Outcome);

    private static byte[] StateOf(Guid actor, ulong counter, Timestamp timestamp, string value)
    {
        var sibling = new Sibling(new Dot(actor, counter), timestamp, IsTombstone: false, Timestamp.Zero, Encoding.UTF8.GetBytes("\0" + value));
        return DottedSetCodec.Encode(DottedSet.Empty.Write(VersionVector.Empty, sibling));
    }
}

using CsCheck;
using GrainDb.Engine.Ranges;

using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Replication;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>Full disks, lost leaders, changes of leadership: what is answered is certain, and nothing that was taken back stays behind.</summary>
public sealed class ParticipantFailureTests
{
    [Fact]
    public void A_full_disk_takes_back_prepares_commits_keys_and_decisions()
    {
        var rig = new ParticipantRig();
        var (undecided, undecidedAt) = rig.Prepared(RangeRig.Put("u", "1"));
        rig.Range.Disk.CapacityBytes = rig.Range.Disk.UsedBytes;
        var (a, b, c) = (rig.NewId(), rig.NewId(), rig.NewId());
        var stamp = new IdempotencyStamp("key", 1, default);
        var prepare = rig.Work(a, a.Began, RangeRig.Put("a", new string('x', 1000))) with { ReadKeys = [Records.Key("r")] };
        var commit = rig.Work(b, b.Began, RangeRig.Put("b", new string('x', 1000))) with { Idempotency = stamp };
        var transact = new TransactRequest { Writes = [new TransactWrite("", RangeRig.Put("c", ""), 1)] };
        for (var i = 0; i < 100; i++)
        {
            if (rig.Range.Write(RangeRig.Put($"fill{i}", new string('x', 1000))).Failure is not null)
                break;
        }

        var preparing = rig.BeginPrepare(prepare);
        var committing = rig.BeginCommit(commit);
        var repeated = rig.BeginCommit(commit);
        var transacting = rig.BeginTransact(transact, c);
        var resolving = rig.BeginResolve(undecided, undecidedAt);
        var waiting = rig.Range.Begin(RangeRig.Put("r", "waits for the lock"));
        rig.Range.Flush();

        foreach (var failure in (Failure?[])[preparing.Answered().Failure, committing.Answered().Failure, repeated.Answered().Failure, transacting.Answered().Failure, resolving.Answered()])
            Assert.Equal((ErrorCode.Unavailable, Outcome.NotApplied), (failure!.Code, failure.Outcome));

        // The lock was taken back: whoever waited for it was evaluated, and found the disk full like the others, or room.
        rig.Range.Disk.CapacityBytes = long.MaxValue;
        rig.Range.Flush();
        Assert.True(waiting.IsCompleted);
        Assert.Null(rig.Range.Write(RangeRig.Put("a", "free"), RangeRig.Put("r", "free")).Failure);
        Assert.Null(rig.Write(new RangeWrite([RangeRig.Put("b", "other")], Generation: 1) { Idempotency = stamp with { RequestHash = 2 } }).Failure);
        Assert.Equal(1, rig.Transact(transact, c).Increments[0]);
        rig.Resolve(undecided, undecidedAt);
        Assert.Equal("1", rig.Value("u"));
        Assert.Equal(0, rig.Range.Replica.Transactions.Prepared.Count);
    }

    [Fact]
    public void A_deposed_leader_does_not_know_what_became_of_what_it_sent_and_the_next_one_does()
    {
        var trio = new ReplicaTrio();
        var first = trio.NewLeader("node1");
        Assert.Null(trio.Run(first.StartAsync()));
        var (a, b) = (NewId(trio, 1), NewId(trio, 2));
        var prepare = new RangePrepare(Work(a, "a"), ParticipantRig.Participants);
        trio.Cut("node2", "node1");
        trio.Cut("node3", "node1"); // the records arrive and the answers do not
        var preparing = first.PrepareAsync(prepare).AsTask();
        var repeating = first.PrepareAsync(prepare).AsTask();
        var committing = first.CommitAsync(RangeCommit.Alone(Work(b, "b"))).AsTask();
        trio.Pass(100);
        trio.Isolate("node1");

        var second = trio.NewLeader("node2");
        Assert.Null(trio.Run(second.StartAsync()));
        trio.Heal();
        trio.Pass(1000);

        Assert.Equal((Outcome.Unknown, (TransactionId?)a), (preparing.Answered().Failure!.Outcome, preparing.Answered().Failure!.Transaction));
        Assert.Equal(Outcome.Unknown, repeating.Answered().Failure!.Outcome);
        Assert.Equal((Outcome.Unknown, (TransactionId?)b), (committing.Answered().Failure!.Outcome, committing.Answered().Failure!.Transaction));
        var prepared = trio.Run(second.PrepareAsync(prepare).AsTask()).PrepareTimestamp;
        var commit = trio.Run(second.CommitAsync(RangeCommit.Alone(Work(b, "b"))).AsTask()).CommitTimestamp;
        Assert.False(prepared.IsZero || commit.IsZero);
        Assert.Equal(commit, second.Replica.FindOutcome(b));
        Assert.Equal(commit, trio.Run(trio.BeginRead(second, "b")).Version);
        Assert.Equal(prepared, second.Replica.Transactions.Prepared.Oldest);
    }

    [Fact]
    public void Whoever_waits_when_the_leader_changes_is_sent_away_without_effect()
    {
        var trio = new ReplicaTrio();
        var first = trio.NewLeader("node1");
        Assert.Null(trio.Run(first.StartAsync()));
        var (older, id) = (NewId(trio, 1), NewId(trio, 2));
        var prepared = trio.Run(first.PrepareAsync(new RangePrepare(Work(id, "a"), ParticipantRig.Participants)).AsTask());
        var writing = trio.Begin(first, RangeRig.Put("a", "other"));
        var reading = trio.BeginRead(first, "a");
        var preparing = first.PrepareAsync(new RangePrepare(Work(older, "a"), ParticipantRig.Participants)).AsTask();
        trio.Pass(100);
        Assert.False(writing.IsCompleted || reading.IsCompleted || preparing.IsCompleted);

        var stopping = first.DisposeAsync().AsTask();
        trio.Pass(100);

        Assert.True(stopping.IsCompleted, "nobody who waits holds it up");
        foreach (var failure in (Failure?[])[writing.Answered().Failure, reading.Answered().Failure, preparing.Answered().Failure])
            Assert.Equal((ErrorCode.RangeMoved, Outcome.NotApplied), (failure!.Code, failure.Outcome));
        var second = trio.NewLeader("node3");
        Assert.Null(trio.Run(second.StartAsync()));
        Assert.Null(trio.Run(second.ResolveAsync([new Resolution(id, prepared.PrepareTimestamp)]).AsTask()));
        Assert.Equal(prepared.PrepareTimestamp, trio.Run(trio.BeginRead(second, "a")).Version);
    }

    [Fact]
    public void A_follower_reads_below_undecided_intents_and_above_them_once_they_are_resolved()
    {
        var trio = new ReplicaTrio();
        var leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        trio.Run(trio.Begin(leader, RangeRig.Put("a", "old")));
        var id = NewId(trio, 1);
        var prepared = trio.Run(leader.PrepareAsync(new RangePrepare(Work(id, "a"), ParticipantRig.Participants)).AsTask()).PrepareTimestamp;
        trio.Pass(2000);
        var follower = new FollowerReader(trio.Replicas["node2"], ReplicaTrio.Descriptor, KeyspacePartitioning.Range, "node2", "local");

        Assert.True(trio.Replicas["node2"].Closed < prepared);
        var newest = follower.Read(Eventually("a", default));
        Assert.Equal(prepared.Previous, newest.ReadTimestamp);
        Assert.Equal("old"u8.ToArray(), newest.Value.ToArray());
        Assert.Equal(ErrorCode.Unavailable, follower.Read(Eventually("a", prepared)).Failure!.Code);

        trio.Run(leader.ResolveAsync([new Resolution(id, prepared.Next)]).AsTask());
        trio.Pass(2000);
        Assert.True(trio.Replicas["node2"].Closed > prepared.Next);
        Assert.Equal("a"u8.ToArray(), follower.Read(Eventually("a", prepared.Next)).Value.ToArray());
        Assert.Equal(ErrorCode.Unavailable, follower.Read(Eventually("a", prepared) with { Reader = new TransactionReader(id, prepared.Next, []) }).Failure!.Code);
    }

    [Fact]
    public void A_replica_that_was_away_has_intents_decisions_and_results()
    {
        var trio = new ReplicaTrio();
        var leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        trio.Isolate("node3");
        var (id, aborted) = (NewId(trio, 1), NewId(trio, 2));
        trio.Run(leader.PrepareAsync(new RangePrepare(Work(id, "a"), ParticipantRig.Participants)).AsTask());
        trio.Run(leader.ResolveAsync([new Resolution(aborted, Timestamp.Zero)]).AsTask());
        trio.Run(leader.WriteAsync(new RangeWrite([RangeRig.Put("b", "1")], Generation: 1) { Idempotency = new IdempotencyStamp("key", 1, default) }).AsTask());

        // What a leader has in memory it sends from there, and what somebody lacks who was heard of it keeps: another leader has only the log behind its checkpoints.
        trio.RestartAll();
        trio.Pass(2000);
        leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 40; i++)
                trio.Run(trio.Begin(leader, RangeRig.Put($"fill{i}", new string('x', 500))));
            leader.Replica.Checkpoint(CancellationToken.None);
        }

        trio.RestartAll();
        trio.Pass(2000);
        leader = trio.NewLeader("node1");
        Assert.Null(trio.Run(leader.StartAsync()));
        trio.Heal();
        trio.Pass(3000);

        var late = trio.Replicas["node3"].Replica;
        Assert.True(late.Log.CheckpointLsn > Lsn.Zero, "it got a snapshot: it writes no checkpoints itself");
        Assert.Equal(leader.Replica.AppliedLsn, late.AppliedLsn);
        Assert.NotNull(late.Transactions.Prepared.Find(id));
        Assert.Equal(Timestamp.Zero, late.FindOutcome(aborted));
        Assert.NotNull(late.FindResult("key", 1));
    }

    /// <summary>Power is lost at any operation: what was answered of transactions is there afterwards.</summary>
    [Fact]
    public void After_a_power_loss_everything_answered_of_transactions_is_there() =>
        Gen.Select(Gen.Int[0, 4].Array[1, 40], Gen.Int[1, 300], Gen.Int).Sample((steps, crashAfter, seed) =>
        {
            var rig = new ParticipantRig();
            var stopAt = rig.Range.Disk.Operations + crashAfter;
            rig.Range.Disk.Faults = operation => operation.Index >= stopAt ? DiskFault.Crash : DiskFault.None;
            var prepared = new Dictionary<TransactionId, Timestamp>();
            var outcomes = new Dictionary<TransactionId, Timestamp>();
            for (var i = 0; i < steps.Length && !rig.Range.Disk.Crashed; i++)
            {
                var id = rig.NewId();
                if (steps[i] == 0 && prepared.Count > 0)
                {
                    var (open, at) = prepared.First();
                    var commit = i % 2 == 0 ? at : Timestamp.Zero;
                    prepared.Remove(open);
                    if (rig.Flushed(rig.BeginResolve(open, commit)) is null)
                        outcomes[open] = commit;
                }
                else if (steps[i] == 1 && rig.Commit(rig.Work(id, rig.Now, RangeRig.Put($"c{i}", "1"))) is { Failure: null } committed)
                {
                    outcomes[id] = committed.CommitTimestamp;
                }
                else if (steps[i] >= 2 && rig.Prepare(rig.Work(id, rig.Now, RangeRig.Put($"p{i}", "1"))) is { Failure: null } answer)
                {
                    prepared[id] = answer.PrepareTimestamp;
                }

                if (i % 7 == 6 && !rig.Range.Disk.Crashed)
                    TryCheckpoint(rig.Range);
            }

            var after = rig.Range.Restart(rig.Range.Disk.AfterPowerLoss(CrashOutcome.Random(seed)));
            Assert.Null(after.StartFailure);
            foreach (var (id, at) in prepared)
                Assert.Equal(at, after.Replica.Transactions.Prepared.Find(id)?.Prepared);
            foreach (var (id, outcome) in outcomes)
                Assert.Equal(outcome, after.Replica.FindOutcome(id));
        }, iter: 200);

    private static void TryCheckpoint(RangeRig rig)
    {
        try
        {
            rig.Replica.Checkpoint(CancellationToken.None);
        }
        catch (Exception exception) when (rig.Disk.Crashed && exception is SimulatedCrashException or IOException or GrainDb.Engine.Wal.WalBrokenException)
        {
            // The machine stopped in the middle of it.
        }
    }

    private static RangeRead Eventually(string key, Timestamp asOf) =>
        new(Records.Key(key), asOf, Generation: 1) { Consistency = new ReadConsistency(ReadLevel.Eventual, default, default, LocalOnly: true) };

    private static TransactionId NewId(ReplicaTrio trio, ulong nonce) => new(Timestamp.FromTime(trio.Time.GetUtcNow()), nonce);

    private static TransactionWork Work(TransactionId id, string key) => new()
    {
        Transaction = id,
        ReadTimestamp = id.Began,
        Deadline = id.Began.Add(TimeSpan.FromSeconds(60)),
        Generation = 1,
        Writes = [RangeRig.Put(key, key)],
    };
}

using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Ranges;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Eventual;

public sealed class HintStoreTests
{
    private const int MaxTargetBytes = 10_000;

    private static readonly RangeId Partition = new(7);
    private static readonly ReplicaDescriptor Target = new("node2", new Guid(2, 0, 0, new byte[8]));
    private static readonly ReplicaDescriptor Another = new("node3", new Guid(3, 0, 0, new byte[8]));

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly Queue<Action> _flushes = new();

    [Fact]
    public void A_hint_that_was_acknowledged_is_there_after_a_power_loss()
    {
        var disk = NewDisk();
        var store = Open(disk);
        Keep(store, HintOf("a", 10));
        Keep(store, HintOf("b", 10));
        _ = store.StoreAsync(HintOf("not flushed", 10));

        var again = Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));

        Assert.Equal(["a", "b"], KeysOf(again.Peek(Target.Id, int.MaxValue)));
        Assert.Equal(HintOf("a", 10).State.ToArray(), again.Peek(Target.Id, 1)[0].Hint.State.ToArray());
    }

    [Fact]
    public void Hints_that_were_released_do_not_come_back_and_the_log_is_let_go()
    {
        var disk = NewDisk();
        var store = Open(disk);
        for (var round = 0; round < 30; round++)
        {
            for (var hint = 0; hint < 20; hint++)
                Keep(store, HintOf($"{round}.{hint}", 100));
            Assert.True(Run(store.ReleaseAsync([.. store.Peek(Target.Id, int.MaxValue).Skip(1).Select(hint => hint.Lsn)])));
            store.Checkpoint(TestContext.Current.CancellationToken);
        }

        Assert.True(disk.UsedBytes < 100_000, $"{disk.UsedBytes} bytes");
        var again = Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(["0.0"], KeysOf(again.Peek(Target.Id, int.MaxValue)));
        Assert.Equal(store.Bytes, again.Bytes);
    }

    [Fact]
    public void Beyond_the_quota_a_hint_is_refused_and_the_target_is_remembered_until_it_knows()
    {
        var disk = NewDisk();
        var store = Open(disk);
        for (var hint = 0; hint < 9; hint++)
            Keep(store, HintOf("k" + hint, 998));

        Assert.Equal(HintOutcome.OverQuota, Run(store.StoreAsync(HintOf("much", 2000))).Outcome);
        Assert.Equal(HintOutcome.Stored, Run(store.StoreAsync(HintOf("other", 2000, Another))).Outcome);
        disk = disk.AfterPowerLoss(CrashOutcome.LoseUnsynced);
        var again = Open(disk);
        Assert.Equal(new HintTarget(Partition, Target), Assert.Single(again.Lost));

        Assert.True(Run(again.ToldAsync(new(Partition, Target))));
        Assert.Empty(Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced)).Lost);
    }

    [Fact]
    public void Hints_that_wait_in_one_flush_share_the_quota()
    {
        var store = Open(NewDisk());
        var both = new[] { store.StoreAsync(HintOf("a", 6000)), store.StoreAsync(HintOf("b", 6000)) };
        Flush();
        Assert.Equal([HintOutcome.Stored, HintOutcome.OverQuota], both.Select(answer => answer.Answered().Outcome));
    }

    [Fact]
    public void Hints_that_grow_too_old_go_and_their_target_is_remembered()
    {
        var store = Open(NewDisk());
        Keep(store, HintOf("old", 10));
        _time.Advance(TimeSpan.FromHours(2));
        Keep(store, HintOf("new", 10));
        Assert.Equal(0, Run(store.AgeAsync()));

        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(1, Run(store.AgeAsync()));

        Assert.Equal(["new"], KeysOf(store.Peek(Target.Id, int.MaxValue)));
        Assert.Equal(Target, Assert.Single(store.Lost).Target);
    }

    [Fact]
    public void Closed_epochs_take_no_hints_and_those_that_are_left_are_counted()
    {
        var disk = NewDisk();
        var store = Open(disk);
        Keep(store, HintOf("a", 10) with { Epoch = 3 });
        var closed = Run(store.CloseAsync(new(Partition, Epoch: 4)));

        Assert.Equal((true, 1), (closed.IsClosed, closed.Outstanding));
        Assert.Equal(HintOutcome.OldEpoch, Run(store.StoreAsync(HintOf("b", 10) with { Epoch = 3 })).Outcome);
        store.Checkpoint(TestContext.Current.CancellationToken);
        var again = Open(disk.AfterPowerLoss(CrashOutcome.LoseUnsynced));
        Assert.Equal(HintOutcome.OldEpoch, Run(again.StoreAsync(HintOf("b", 10) with { Epoch = 3 })).Outcome);
        Assert.Equal(HintOutcome.Stored, Run(again.StoreAsync(HintOf("b", 10) with { Epoch = 4 })).Outcome);
        Assert.Equal(HintOutcome.Stored, Run(again.StoreAsync(HintOf("b", 10) with { Epoch = 0, Partition = new(8) })).Outcome);
    }

    [Fact]
    public void A_crash_before_every_operation_loses_no_hint_that_was_acknowledged()
    {
        var operations = Workload(new FaultyFileSystem(), out _);
        for (var operation = 0; operation < operations; operation++)
        {
            var disk = new FaultyFileSystem { Faults = o => o.Index == operation ? DiskFault.Crash : DiskFault.None };
            Workload(disk, out var state);
            foreach (var outcome in new[] { CrashOutcome.LoseUnsynced, CrashOutcome.KeepUnsynced, CrashOutcome.Random(operation) })
            {
                var found = KeysOf(Open(disk.AfterPowerLoss(outcome)).Peek(Target.Id, int.MaxValue)).ToHashSet();
                Assert.Subset(found, state.Kept);
                Assert.Subset(state.Kept.Union(state.UnderWay).ToHashSet(), found);
            }
        }
    }

    private sealed record Progress(HashSet<string> Kept, HashSet<string> UnderWay);

    private int Workload(FaultyFileSystem disk, out Progress progress)
    {
        progress = new([], []);
        try
        {
            var store = Open(disk);
            for (var step = 0; step < 40; step++)
            {
                if (step % 13 == 12)
                {
                    store.Checkpoint(TestContext.Current.CancellationToken);
                }
                else if (step % 5 == 4)
                {
                    var oldest = store.Peek(Target.Id, 1)[0];
                    var key = Encoding.UTF8.GetString(oldest.Hint.Key.Span);
                    progress.Kept.Remove(key);
                    progress.UnderWay.Add(key);
                    if (!Run(store.ReleaseAsync([oldest.Lsn])))
                        break;
                    progress.UnderWay.Clear();
                }
                else
                {
                    progress.UnderWay.Add($"{step}");
                    if (Run(store.StoreAsync(HintOf($"{step}", 20))).Outcome != HintOutcome.Stored)
                        break;
                    progress.Kept.Add($"{step}");
                    progress.UnderWay.Clear();
                }
            }
        }
        catch (Exception exception) when (exception is SimulatedCrashException or WalBrokenException or WalIOException)
        {
            // the point of it
        }

        return disk.Operations;
    }

    private static FaultyFileSystem NewDisk() => new();

    private static Hint HintOf(string key, int bytes, ReplicaDescriptor? target = null) => new(Partition, target ?? Target, Encoding.UTF8.GetBytes(key), new byte[bytes], Epoch: 0);

    private static IEnumerable<string> KeysOf(IEnumerable<StoredHint> hints) => hints.Select(hint => Encoding.UTF8.GetString(hint.Hint.Key.Span));

    private HintStore Open(FaultyFileSystem disk)
    {
        _flushes.Clear();
        var options = new HintStoreOptions("/hints", new Guid(9, 0, 0, new byte[8]), ReplicaRig.Small, GroupCommitOptions.Default) { MaxTargetBytes = MaxTargetBytes, MaxBytes = 2 * MaxTargetBytes };
        return HintStore.Open(options, disk, new HybridLogicalClock(_time, HybridLogicalClock.DefaultMaxOffset), _flushes.Enqueue);
    }

    private void Keep(HintStore store, Hint hint) => Assert.Equal(HintOutcome.Stored, Run(store.StoreAsync(hint)).Outcome);

    private T Run<T>(Task<T> task)
    {
        Flush();
        return task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("it does not complete");
    }

    private void Flush()
    {
        while (_flushes.TryDequeue(out var flush))
            flush();
    }
}

using System.Collections.Concurrent;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;
using Xunit;

namespace GrainDb.Engine.Tests.Wal;

public sealed class GroupCommitTests : IGroupCommitObserver
{
    private readonly FaultyFileSystem _disk = new();
    private readonly Queue<Action> _scheduled = [];
    private readonly List<string> _events = [];
    private Action? _inOnDurable;
    private Action? _inOnFailed;

    [Fact]
    public void Everything_enqueued_before_a_flush_is_one_batch()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log);
        Enqueue(commit, 1);
        Assert.Single(_scheduled); // a flush is under way for it; the others join
        Enqueue(commit, 2);
        Enqueue(commit, 3);
        Assert.Single(_scheduled);
        Assert.Equal((3, false), (commit.PendingRecords, commit.IsIdle));

        RunAll();

        Assert.Equal(["durable 1-3", "completed 1-3"], _events);
        Assert.Equal((3, 1), (log.Counters.Records, log.Counters.Batches));
        Assert.Equal((0, true), (commit.PendingRecords, commit.IsIdle));
        Assert.Equal(1, commit.BatchSizes.Snapshot()[1]);
        Assert.Equal(3, log.ReadAll().Count);
    }

    [Fact]
    public void The_next_flush_is_started_before_the_completions_run()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log);
        Enqueue(commit, 1);
        _inOnDurable = () =>
        {
            _inOnDurable = null;
            Enqueue(commit, 2);
            Assert.Empty(_scheduled); // one flush at a time
        };

        RunAll();

        Assert.Equal(["durable 1-1", "flush scheduled", "completed 1-1", "durable 2-2", "completed 2-2"], _events.Skip(0).Where(e => e != "first flush scheduled"));
    }

    [Fact]
    public void At_a_bound_a_record_is_refused_and_the_ones_before_stay()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log, new GroupCommitOptions(10_000, 3));
        for (var i = 1; i <= 3; i++) Enqueue(commit, (ulong)i);
        Assert.False(TryEnqueue(commit, 10, out _));
        RunAll();
        Enqueue(commit, 4);

        Assert.False(TryEnqueue(commit, 9_950, out _));
        RunAll();
        Assert.True(TryEnqueue(commit, 20_000, out var large)); // alone it is taken
        Assert.Equal(5ul, large.Value);
        Assert.False(TryEnqueue(commit, 1, out _));
        RunAll();
        Assert.Equal(5ul, log.LastLsn.Value);
    }

    [Fact]
    public void What_is_being_flushed_counts_against_the_bound()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log, new GroupCommitOptions(10_000, 3));
        for (var i = 1; i <= 3; i++) Enqueue(commit, (ulong)i);
        var tried = 0;
        _disk.Faults = o =>
        {
            if (o.Kind == DiskOperationKind.SyncFile)
            {
                Assert.False(TryEnqueue(commit, 1, out _));
                tried++;
            }

            return DiskFault.None;
        };

        RunAll();
        _disk.Faults = _ => DiskFault.None;
        Assert.Equal(1, tried);
        Enqueue(commit, 4);
        RunAll();
    }

    [Fact]
    public void A_full_disk_takes_everything_back_and_gives_the_positions_again()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log);
        Enqueue(commit, 1);
        RunAll();
        _events.Clear();
        _disk.Faults = o =>
        {
            // While the batch finds no room, more is enqueued behind it.
            if (o.Kind == DiskOperationKind.Preallocate && commit.PendingRecords == 1) Enqueue(commit, 3);
            return o.Kind == DiskOperationKind.Preallocate ? DiskFault.Full : DiskFault.None;
        };
        Enqueue(commit, 2, 9000);
        _inOnFailed = () => Assert.False(TryEnqueue(commit, 1, out _)); // until it is taken back, nothing is accepted

        RunAll();

        Assert.Equal(["DiskFullException from 2 certain from 2"], _events);
        Assert.Equal((new Lsn(2), true, WalStatus.DiskFull), (commit.NextLsn, commit.IsIdle, log.Status));
        _disk.Faults = _ => DiskFault.None;
        _inOnFailed = null;
        _events.Clear();
        Enqueue(commit, 2, 9000);
        Enqueue(commit, 3);
        RunAll();
        Assert.Equal(["durable 2-3", "completed 2-3"], _events);
        Assert.Equal([1ul, 2ul, 3ul], log.ReadAll().Select(e => e.Lsn));
    }

    [Fact]
    public void A_broken_log_leaves_its_batch_unknown_and_the_rest_certainly_not_logged()
    {
        using var log = TestLog.Open(_disk);
        var commit = Commit(log);
        Enqueue(commit, 1);
        RunAll();
        _events.Clear();
        Enqueue(commit, 2);
        Enqueue(commit, 3);
        _disk.Faults = o =>
        {
            if (o.Kind != DiskOperationKind.SyncFile) return DiskFault.None;
            Enqueue(commit, 4);
            Enqueue(commit, 5);
            return DiskFault.InputOutput;
        };

        RunAll();

        Assert.Equal(["WalBrokenException from 2 certain from 4"], _events);
        Assert.Throws<WalBrokenException>(() => TryEnqueue(commit, 1, out _));
        Assert.True(commit.IsIdle);
        using var recovered = TestLog.Open(_disk.AfterPowerLoss(CrashOutcome.KeepUnsynced));
        Assert.Equal([1ul, 2ul, 3ul], recovered.ReadAll().Select(e => e.Lsn));
    }

    [Fact]
    public void An_observer_that_cannot_apply_stops_everything_behind_it()
    {
        using var log = TestLog.Open(_disk);
        var commit = Commit(log);
        Enqueue(commit, 1);
        _inOnDurable = () =>
        {
            Enqueue(commit, 2);
            throw new InvalidOperationException("bug");
        };

        RunAll();

        Assert.Equal("InvalidOperationException from 2 certain from 2", _events[^1]);
        Assert.Throws<WalBrokenException>(() => TryEnqueue(commit, 1, out _));
        Assert.Equal(1ul, log.LastLsn.Value);
    }

    [Fact]
    public void Epochs_must_not_decrease_whatever_is_pending()
    {
        using var log = TestLog.Open(_disk);
        using var commit = Commit(log);
        Assert.True(commit.TryEnqueue(1, 0, new Epoch(5), default, [], out _));
        Assert.Throws<ArgumentException>(() => commit.TryEnqueue(1, 0, new Epoch(4), default, [], out _));
        RunAll();
        Assert.Throws<ArgumentException>(() => commit.TryEnqueue(1, 0, new Epoch(4), default, [], out _));
        Assert.True(commit.TryEnqueue(1, 0, new Epoch(5), default, [], out var lsn));
        Assert.Equal(2ul, lsn.Value);
        RunAll();
    }

    [Fact]
    public void After_stop_what_is_pending_is_flushed_and_nothing_more_is_taken()
    {
        using var log = TestLog.Open(_disk);
        var commit = Commit(log);
        Enqueue(commit, 1);
        commit.Stop();
        Assert.Throws<ObjectDisposedException>(() => TryEnqueue(commit, 1, out _));
        Assert.Throws<InvalidOperationException>(commit.Dispose);
        RunAll();
        commit.Dispose();
        Assert.Equal(1ul, log.LastLsn.Value);
    }

    [Fact]
    public async Task Many_writers_get_dense_positions_and_every_record_is_durable_before_its_completion()
    {
        const int writers = 8, perWriter = 2000;
        using var log = WriteAheadLog.Open(WalOptions.Default, _disk, TestLog.Directory, TestLog.Range, TestLog.Incarnation);
        var observer = new WaitingObserver(log);
        using var commit = new GroupCommit(log, new GroupCommitOptions(1 << 20, 64), work => ThreadPool.UnsafeQueueUserWorkItem(_ => work(), null), observer);
        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < perWriter;)
            {
                if (!commit.TryEnqueue((byte)writer, 0, new Epoch(1), new Timestamp((ulong)i), BitConverter.GetBytes(i), out var lsn))
                {
                    await Task.Yield();
                    continue;
                }

                await observer.WaitAsync(lsn);
                Assert.True(log.LastLsn >= lsn);
                i++;
            }
        }, TestContext.Current.CancellationToken)));

        var records = log.ReplayFrom(new Lsn(1)).ToList();
        Assert.Equal(writers * perWriter, records.Count);
        for (var writer = 0; writer < writers; writer++)
            Assert.Equal(Enumerable.Range(0, perWriter), records.Where(r => r.Type == writer).Select(r => BitConverter.ToInt32(r.Payload.Span)));
        Assert.Equal(observer.NextExpected, log.LastLsn.Next);
        Assert.Equal(log.Counters.Batches, commit.BatchSizes.Snapshot().Sum());
    }

    Action? IGroupCommitObserver.OnDurable(Lsn first, Lsn last)
    {
        _events.Add($"durable {first}-{last}");
        _inOnDurable?.Invoke();
        return () => _events.Add($"completed {first}-{last}");
    }

    void IGroupCommitObserver.OnFailed(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged)
    {
        _events.Add($"{exception.GetType().Name} from {firstNotDurable} certain from {firstNotLogged}");
        _inOnFailed?.Invoke();
    }

    private static bool TryEnqueue(GroupCommit commit, int payloadBytes, out Lsn lsn) => commit.TryEnqueue(1, 0, new Epoch(1), default, new byte[payloadBytes], out lsn);

    private static void Enqueue(GroupCommit commit, ulong expected, int payloadBytes = 20)
    {
        Assert.True(TryEnqueue(commit, payloadBytes, out var lsn));
        Assert.Equal(expected, lsn.Value);
    }

    private GroupCommit Commit(WriteAheadLog log) => Commit(log, GroupCommitOptions.Default);

    private GroupCommit Commit(WriteAheadLog log, GroupCommitOptions options) => new(log, options, work =>
    {
        if (_events.Count > 0 && _events[^1].StartsWith("durable", StringComparison.Ordinal)) _events.Add("flush scheduled");
        _scheduled.Enqueue(work);
    }, this);

    private void RunAll()
    {
        while (_scheduled.TryDequeue(out var work)) work();
    }

    /// <summary>The way a replica uses it: positions are awaited, in order of durability.</summary>
    private sealed class WaitingObserver(WriteAheadLog log) : IGroupCommitObserver
    {
        private readonly ConcurrentDictionary<Lsn, TaskCompletionSource> _waiters = [];

        public Lsn NextExpected { get; private set; } = new(1);

        public Task WaitAsync(Lsn lsn) => Waiter(lsn).Task;

        public Action? OnDurable(Lsn first, Lsn last)
        {
            Assert.Equal(NextExpected, first);
            Assert.Equal(last, log.LastLsn);
            NextExpected = last.Next;
            return () =>
            {
                for (var lsn = first; lsn <= last; lsn = lsn.Next) Waiter(lsn).TrySetResult();
            };
        }

        public void OnFailed(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged) => throw exception;

        private TaskCompletionSource Waiter(Lsn lsn) => _waiters.GetOrAdd(lsn, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}

using System.Text;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Transactions;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace GrainDb.Engine.Tests.Ranges;

/// <summary>
/// One replica and its leader on a simulated disk, in one thread: flushes run when the test says so, so that it decides what is
/// on its way and what is durable.
/// </summary>
internal sealed class RangeRig
{
    private const string Directory = "/range";

    private static readonly TimeSpan RestartPatience = TimeSpan.FromSeconds(1);

    private static readonly Guid Incarnation = new("00000000-0000-0000-0000-000000000001");

    private readonly Queue<Action> _flushes = new();
    private readonly TransactionFaults _faults;
    private byte _nonce;

    public RangeRig(FaultyFileSystem disk, FakeTimeProvider time, TransactionFaults faults = TransactionFaults.None)
    {
        _faults = faults;
        Disk = disk;
        Time = time;
        if (!disk.DirectoryExists(Directory))
        {
            disk.CreateDirectory(Directory);
            disk.SyncDirectory("/");
        }

        Clock = new HybridLogicalClock(time, HybridLogicalClock.DefaultMaxOffset);
        Replica = RangeReplica.Open(
            new RangeReplicaOptions(
                Descriptor.Id,
                Incarnation,
                Directory,
                WalOptions.Default with { FirstSegmentBytes = 4096, MaxSegmentBytes = 8192 },
                Bounds,
                new RangeConfiguration([new ReplicaDescriptor("node1", Incarnation)], [])),
            disk,
            Clock);
        Acceptor = new ReplicaAcceptor(Replica, ReplicationOptions.Default with { TransactionFaults = faults }, time, new LeaseMemory(time, time.GetTimestamp()));
        Leader = NewLeader();
        var starting = Leader.StartAsync();
        Flush();
        // After a restart it waits until its clock is past what was read before.
        for (var waited = TimeSpan.Zero; !starting.IsCompleted && waited < RestartPatience; waited += TimeSpan.FromMilliseconds(1))
        {
            Time.Advance(TimeSpan.FromMilliseconds(1));
            Flush();
        }

        StartFailure = starting.IsCompleted ? starting.Result : throw new InvalidOperationException("the leader does not start");
    }

    public static RangeDescriptor Descriptor { get; } = new(new RangeId(7), "test", [], null, Generation: 1, [new("node1", Incarnation)]);

    public static GroupCommitOptions Bounds { get; } = new(MaxPendingBytes: 1 << 20, MaxPendingRecords: 64);

    public FaultyFileSystem Disk { get; }

    public FakeTimeProvider Time { get; }

    public HybridLogicalClock Clock { get; }

    public RangeReplica Replica { get; }

    public ReplicaAcceptor Acceptor { get; }

    public RangeLeader Leader { get; }

    public RecordingRecovery Recovery { get; } = new();

    public Failure? StartFailure { get; }

    public static RangeRig New(TransactionFaults faults = TransactionFaults.None) => new(new FaultyFileSystem(), new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), faults);

    /// <summary>Another activation on the same node.</summary>
    public RangeLeader NewLeader() => new(Acceptor, new NoPeers(), new RangeLeaderOptions(
        Descriptor,
        KeyspacePartitioning.Range,
        "node1",
        "local",
        MaxValueBytes: 1024,
        new Guid(0, 0, 0, [0, 0, 0, 0, 0, 0, 0, ++_nonce]),
        _flushes.Enqueue,
        Time,
        Recovery));

    /// <summary>Time passes, as ticks see it.</summary>
    public void Pass(TimeSpan span)
    {
        for (var left = span; left > TimeSpan.Zero; left -= TimeSpan.FromMilliseconds(100))
        {
            Time.Advance(TimeSpan.FromMilliseconds(100));
            Leader.Tick();
            Flush();
        }
    }

    /// <summary>Runs every flush that was scheduled, and those that they schedule.</summary>
    public void Flush()
    {
        while (_flushes.TryDequeue(out var flush))
            flush();
    }

    public static KeyWrite Put(string key, string value, WriteCondition condition = default, TimeSpan? timeToLive = null) =>
        new(Encoding.UTF8.GetBytes(key), WriteKind.Put, Encoding.UTF8.GetBytes(value), "text/plain", condition, timeToLive);

    public static KeyWrite Delete(string key, WriteCondition condition = default) =>
        new(Encoding.UTF8.GetBytes(key), WriteKind.Delete, default, "", condition, null);

    /// <summary>Starts a write without flushing it.</summary>
    public Task<WriteResult> Begin(params KeyWrite[] writes) => Leader.WriteAsync(new RangeWrite(writes, Generation: 1)).AsTask();

    public WriteResult Write(params KeyWrite[] writes)
    {
        var writing = Begin(writes);
        Flush();
        return writing.IsCompleted ? writing.Result : throw new InvalidOperationException("the write is not answered");
    }

    /// <summary>Starts a read.</summary>
    public Task<ReadResult> BeginRead(string key, Timestamp asOf = default) =>
        Leader.ReadAsync(new RangeRead(Encoding.UTF8.GetBytes(key), asOf, Generation: 1)).AsTask();

    /// <summary>The value, or null where there is none.</summary>
    public string? Read(string key, Timestamp asOf = default)
    {
        var reading = BeginRead(key, asOf);
        Flush();
        var result = reading.Result;
        Assert.Null(result.Failure);
        return result.Found ? Encoding.UTF8.GetString(result.Value.Span) : null;
    }

    /// <summary>The process is killed; another one opens what is on the disk.</summary>
    public RangeRig Restart(FaultyFileSystem disk) => new(disk, Time, _faults);

    /// <summary>The only voter never calls anybody.</summary>
    private sealed class NoPeers : IReplicaTransport
    {
        public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) => throw new InvalidOperationException();

        public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) => throw new InvalidOperationException();

        public Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request) => throw new InvalidOperationException();

        public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) => throw new InvalidOperationException();

        public void Release(ReplicaDescriptor to, ReleaseNotice notice) => throw new InvalidOperationException();
    }
}

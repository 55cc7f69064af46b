using System.Text;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Tests.Wal.Disk;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Time.Testing;

namespace GrainDb.Engine.Tests.Eventual;

/// <summary>One eventual replica on a simulated disk, in one thread: flushes run when the test says so.</summary>
internal sealed class ReplicaRig
{
    private readonly Queue<Action> _flushes = new();
    private Lsn _mark;

    public ReplicaRig(FaultyFileSystem disk, ConflictPolicy policy, ReplicaStanding beginning, EventualFaults faults = EventualFaults.None)
    {
        Disk = disk;
        if (!disk.DirectoryExists("/eventual"))
        {
            disk.CreateDirectory("/eventual");
            disk.SyncDirectory("/");
        }

        Replica = EventualReplica.Open(
            new(new RangeId(7), Id, "/eventual", policy, beginning, Small, new GroupCommitOptions(1 << 20, 64)) { Faults = faults },
            disk,
            new HybridLogicalClock(Time, HybridLogicalClock.DefaultMaxOffset),
            _flushes.Enqueue);
    }

    public static Guid Id { get; } = new(1, 0, 0, new byte[8]);

    public static WalOptions Small { get; } = new() { FirstSegmentBytes = 4096, MaxSegmentBytes = 8192, MinCheckpointBytes = 4096, ReservedFreeBytes = 0 };

    public FaultyFileSystem Disk { get; }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public EventualReplica Replica { get; }

    public static ReplicaRig New(ConflictPolicy policy = ConflictPolicy.Siblings) => new(new FaultyFileSystem(), policy, ReplicaStanding.First);

    public static EventualWrite Put(string key, string value, ReadOnlyMemory<byte> context = default) =>
        new() { Key = Encoding.UTF8.GetBytes(key), Kind = EventualWriteKind.Put, Value = Encoding.UTF8.GetBytes(value), Context = context };

    public static EventualWrite Delete(string key) => new() { Key = Encoding.UTF8.GetBytes(key), Kind = EventualWriteKind.Delete };

    public void Flush()
    {
        while (_flushes.TryDequeue(out var flush))
            flush();
    }

    public T Run<T>(Task<T> task)
    {
        Flush();
        return task.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("it does not complete");
    }

    public Lsn? Checkpoint() => Replica.Checkpoint(CancellationToken.None);

    public LocalWrite Write(EventualWrite write) => Run(Replica.WriteAsync(write, configuration: 1));

    public DottedSet Read(string key)
    {
        var state = Replica.Read(new StateRequest(Id, 1, Encoding.UTF8.GetBytes(key))).State;
        return state.IsEmpty ? DottedSet.Empty : DottedSetCodec.Decode(state);
    }

    public RoundAnswer Step(RoundStep step, Guid round, long epoch = 0, Timestamp? notAfter = null)
    {
        var answer = Run(Replica.StepAsync(new RoundRequest(Id, 1, round, step, epoch, notAfter ?? Timestamp.Max) { Mark = _mark }));
        _mark = step == RoundStep.Begin ? answer.Mark : _mark;
        return answer;
    }

    /// <summary>The process is killed; another one opens what is on the disk.</summary>
    public ReplicaRig Restart(FaultyFileSystem disk) => new(disk, Replica.Options.Policy, Replica.Options.Beginning);
}

using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Time;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Benchmarks.Replication;

/// <summary>
/// Durable records a second on real files: a leader's log without followers, with as many clients as the batch is to have records, against a
/// bare loop of write and fdatasync of as many bytes. Target: at least 85 % of it. One operation is one batch.
/// </summary>
[SimpleJob(RunStrategy.Throughput, launchCount: 1, warmupCount: 2, iterationCount: 8, invocationCount: 1)]
public class ReplicatedLogBenchmark : IDisposable
{
    private const int Batches = 500;

    private readonly NativeFileSystem _files = new();
    private readonly Queue<Action> _scheduled = [];
    private readonly byte[] _payload = new byte[256];
    private string _directory = "";
    private ReplicaAcceptor _replica = null!;
    private ReplicatedLog _log = null!;
    private IWalFile _bare = null!;
    private byte[] _bareBytes = [];
    private int _left;

    [Params(1, 64, 256)]
    public int BatchSize { get; set; }

    [IterationSetup]
    public void Setup()
    {
        _directory = Path.Combine(Path.GetTempPath(), "graindb-bench-" + Guid.NewGuid().ToString("N"));
        var options = new WalOptions { FirstSegmentBytes = 16 << 20 };
        var id = Guid.NewGuid();
        Directory.CreateDirectory(Path.Combine(_directory, "7"));
        var configuration = new RangeConfiguration([new ReplicaDescriptor("node1", id)], []);
        var clock = new HybridLogicalClock(TimeProvider.System, HybridLogicalClock.DefaultMaxOffset);
        _replica = new(
            RangeReplica.Open(new(new RangeId(7), id, Path.Combine(_directory, "7"), options, GroupCommitOptions.Default, configuration), _files, clock),
            ReplicationOptions.Default,
            TimeProvider.System,
            new LeaseMemory(TimeProvider.System, TimeProvider.System.GetTimestamp()));
        var candidate = new Candidate("node1", Guid.NewGuid());
        _replica.Promise(new PromiseRequest { Replica = id, Epoch = new Epoch(1), Candidate = candidate });
        _log = new(_replica, new NoPeers(), new Epoch(1), candidate, _scheduled.Enqueue, TimeProvider.System, new Clients(this));
        _bareBytes = new byte[24 + (BatchSize * WalRecordCodec.EncodedBytes(_payload.Length))];
        Random.Shared.NextBytes(_bareBytes);
        _bare = _files.Create(Path.Combine(_directory, "bare"));
        _bare.Preallocate((long)_bareBytes.Length * Batches);
        _bare.Sync();
    }

    [IterationCleanup]
    public void Dispose()
    {
        _replica.Dispose();
        _bare.Dispose();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Batches)]
    public void BareWriteAndSync()
    {
        for (var i = 0; i < Batches; i++)
        {
            _bare.Write((long)i * _bareBytes.Length, _bareBytes);
            _bare.SyncData();
        }
    }

    [Benchmark(OperationsPerInvoke = Batches)]
    public void LeaderOfAsManyClients()
    {
        _left = Batches * BatchSize;
        Enqueue(BatchSize);
        while (_scheduled.TryDequeue(out var work)) work();
        if (_left != 0) throw new InvalidOperationException($"{_left} records are left");
    }

    private void Enqueue(int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (!_log.TryEnqueue(RangeRecordType.Write, new Timestamp(1), _payload, null, out _)) throw new InvalidOperationException("queue full");
        }
    }

    /// <summary>Every client whose record is committed sends its next one.</summary>
    private sealed class Clients(ReplicatedLogBenchmark benchmark) : IReplicatedLogObserver
    {
        public Action? OnCommitted(Lsn first, Lsn last)
        {
            var count = (int)(last.Value - first.Value) + 1;
            benchmark._left -= count;
            return () => benchmark.Enqueue(Math.Min(count, benchmark._left));
        }

        public void OnFailed(Exception exception, Lsn firstNotCommitted, Lsn firstNotSent) => throw exception;
    }

    private sealed class NoPeers : IReplicaTransport
    {
        public Task<PromiseAnswer?> PromiseAsync(ReplicaDescriptor to, PromiseRequest request) => throw new InvalidOperationException();

        public Task<AppendAnswer?> AppendAsync(ReplicaDescriptor to, AppendRequest request) => throw new InvalidOperationException();

        public Task<FetchAnswer?> FetchAsync(ReplicaDescriptor to, FetchRequest request) => throw new InvalidOperationException();

        public Task<SnapshotAnswer?> SnapshotAsync(ReplicaDescriptor to, SnapshotChunk chunk) => throw new InvalidOperationException();

        public void Release(ReplicaDescriptor to, ReleaseNotice notice) => throw new InvalidOperationException();
    }
}

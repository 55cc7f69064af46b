using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Engines;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Benchmarks.Wal;

/// <summary>
/// Durable records a second on real files: group commit, with as many clients as the batch is to have records, against a
/// bare loop of write and fdatasync of as many bytes. Target: at least 85 % of it. One operation is one batch.
/// </summary>
[SimpleJob(RunStrategy.Throughput, launchCount: 1, warmupCount: 2, iterationCount: 8, invocationCount: 1)]
public class GroupCommitBenchmark : IGroupCommitObserver, IDisposable
{
    private const int Batches = 500;

    private readonly NativeFileSystem _files = new();
    private readonly Queue<Action> _scheduled = [];
    private readonly byte[] _payload = new byte[256];
    private string _directory = "";
    private WriteAheadLog _log = null!;
    private GroupCommit _commit = null!;
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
        _log = WriteAheadLog.Open(options, _files, Path.Combine(_directory, "7"), new RangeId(7), Guid.NewGuid());
        _commit = new(_log, GroupCommitOptions.Default, _scheduled.Enqueue, this);
        _bareBytes = new byte[24 + (BatchSize * WalRecordCodec.EncodedBytes(_payload.Length))];
        Random.Shared.NextBytes(_bareBytes);
        _bare = _files.Create(Path.Combine(_directory, "bare"));
        _bare.Preallocate((long)_bareBytes.Length * Batches);
        _bare.Sync();
    }

    [IterationCleanup]
    public void Dispose()
    {
        _commit.Dispose();
        _log.Dispose();
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
    public void GroupCommitOfAsManyClients()
    {
        _left = Batches * BatchSize;
        Enqueue(BatchSize);
        while (_scheduled.TryDequeue(out var work)) work();
        if (_log.Counters.Batches != Batches) throw new InvalidOperationException($"{_log.Counters.Batches} batches");
    }

    /// <summary>Every client whose record is durable sends its next one.</summary>
    Action? IGroupCommitObserver.OnDurable(Lsn first, Lsn last)
    {
        var count = (int)(last.Value - first.Value) + 1;
        _left -= count;
        return () => Enqueue(Math.Min(count, _left));
    }

    void IGroupCommitObserver.OnFailed(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged) => throw exception;

    private void Enqueue(int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (!_commit.TryEnqueue(1, 0, new Epoch(1), new Timestamp(1), _payload, out _)) throw new InvalidOperationException("queue full");
        }
    }
}

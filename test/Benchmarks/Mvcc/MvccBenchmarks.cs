using BenchmarkDotNet.Attributes;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Benchmarks.Mvcc;

/// <summary>Operations on a store of 1 M keys with payloads of 265 B, one thread.</summary>
[MemoryDiagnoser]
[ShortRunJob]
public class MvccBenchmarks
{
    private const int Count = 1_000_000;
    private const int Batch = 10_000;
    private static readonly Timestamp Latest = new(ulong.MaxValue - 1);
    private readonly List<MvccRow> _rows = new(Batch);
    private MvccWorkload _workload = null!;
    private MvccStore _store = null!;
    private int _next;

    [Params(true, false)]
    public bool Hashed { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _workload = new(Count, Hashed);
        _store = _workload.Insert(_workload.Shuffled);
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int PointRead()
    {
        var found = 0;
        for (var index = 0; index < Batch; index++)
        {
            _next = (_next + 611_953) % Count;
            if (_store.TryGet(_workload.Keys[_next], Latest, out _))
                found++;
        }

        return found;
    }

    [Benchmark(OperationsPerInvoke = Batch)]
    public int ScanPageOf10000()
    {
        _rows.Clear();
        _next = (_next + 611_953) % (Count / 2);
        return _store.Scan(_workload.Keys[_next], [], false, Latest, Batch, int.MaxValue, false, false, _rows).Rows;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public long InsertMillion() => _workload.Insert(_workload.Shuffled).Keys;
}

using BenchmarkDotNet.Attributes;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Benchmarks.Wal;

/// <summary>Records encoded a second, 256-byte payloads. Target: 3 M/s, that is 333 ns each.</summary>
[ShortRunJob]
[MemoryDiagnoser]
public class WalEncodeBenchmark : IDisposable
{
    private const int Records = 1000;

    private readonly WalBatch _batch = new();
    private readonly byte[] _payload = new byte[256];

    [GlobalCleanup]
    public void Dispose()
    {
        _batch.Dispose();
        GC.SuppressFinalize(this);
    }

    [Benchmark(OperationsPerInvoke = Records)]
    public int Encode()
    {
        _batch.Clear();
        for (var i = 1ul; i <= Records; i++) _batch.Add(1, 0, new Epoch(1), new Lsn(i), new Timestamp(i), _payload);
        return _batch.Count;
    }

    [Benchmark(OperationsPerInvoke = Records)]
    public int Verify()
    {
        if (_batch.IsEmpty) Encode();
        var count = 0;
        for (var rest = _batch.Bytes; WalRecordCodec.TryDecode(rest, out _, out var size, out _); rest = rest[size..]) count++;
        return count;
    }
}

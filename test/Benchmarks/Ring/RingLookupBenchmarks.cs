using BenchmarkDotNet.Attributes;
using GrainDb.Engine.Ring;

namespace GrainDb.Benchmarks.Ring;

/// <summary>
/// Lookups of random tokens. Target: at most 100 ns with 100 nodes of 150 virtual nodes, without allocation.
/// The tokens are drawn beforehand and are many enough that the tables do not sit in the nearest cache by luck.
/// </summary>
[MemoryDiagnoser]
public class RingLookupBenchmarks
{
    private const int Lookups = 1 << 14;

    private readonly ulong[] _tokens = new ulong[Lookups];
    private readonly int[] _nodes = new int[3];
    private HashRing _ring = new(0, []);

    [Params(3, 100)]
    public int Nodes { get; set; }

    [Params(150, HashRing.DefaultVirtualNodesPerUnit)]
    public int PerUnit { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _ring = new(1, Enumerable.Range(1, Nodes).Select(i => new RingNode($"node{i}", 1)), PerUnit);
        for (var i = 0; i < _tokens.Length; i++)
            _tokens[i] = HashRing.Token($"customer/{i}");
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public int Primary()
    {
        var length = 0;
        foreach (var token in _tokens)
            length += _ring.GetPrimary(token)!.Length;
        return length;
    }

    [Benchmark(OperationsPerInvoke = Lookups)]
    public int ThreeReplicas()
    {
        var sum = 0;
        foreach (var token in _tokens)
        {
            _ring.GetNodes(token, _nodes);
            sum += _nodes[2];
        }

        return sum;
    }
}

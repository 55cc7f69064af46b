using BenchmarkDotNet.Attributes;
using GrainDb.Engine.Ring;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Benchmarks.Ring;

/// <summary>What an administrative step costs: building a ring, comparing two, placing ranges.</summary>
public class RingChangeBenchmarks
{
    private RingNode[] _nodes = [];
    private HashRing _before = new(0, []);
    private HashRing _after = new(0, []);
    private RingRange[] _ranges = [];

    [Params(3, 100)]
    public int Nodes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        const int Ranges = 1_000;
        _nodes = [.. Enumerable.Range(1, Nodes).Select(i => new RingNode($"node{i}", 1))];
        _before = new(1, _nodes);
        _after = new(2, [.. _nodes, new("joining", 1)]);
        _ranges = [.. Enumerable.Range(0, Ranges).Select(i => new RingRange(new RangeId(i), ulong.MaxValue / Ranges * (ulong)i, []))];
        var placed = RangePlacement.Assign(_before, _ranges, 3);
        _ranges = [.. _ranges.Zip(placed, (range, assignment) => range with { Replicas = assignment.Replicas })];
    }

    [Benchmark]
    public HashRing Build() => new(1, _nodes);

    [Benchmark]
    public RingPlanFractions Compare() => RingDiff.Compare(_before, _after, 3);

    [Benchmark]
    public IReadOnlyList<PlannedMove> MovesOf1000Ranges() => RingDiff.Moves(_ranges, _after, 3);
}

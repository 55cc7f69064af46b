using CsCheck;
using GrainDb.Engine.Ring;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Tests.Ring;

/// <summary>Generators of rings and ranges. Few virtual nodes, so that wrapping, sharing and long walks are common.</summary>
internal static class RingGen
{
    public static readonly Gen<ulong> Token =
        Gen.Frequency((8, Gen.ULong), (1, Gen.Int[0, 3].Select(i => new[] { 0UL, 1UL, 1UL << 63, ulong.MaxValue }[i])));

    public static Gen<HashRing> Rings(int minNodes, int maxNodes) =>
        Gen.Select(Nodes(minNodes, maxNodes), Gen.Int[1, 40]).Select((nodes, perUnit) => new HashRing(1, nodes, perUnit));

    public static Gen<RingNode[]> Nodes(int min, int max) =>
        Names(min, max).SelectMany(names => Gen.Double[0.1, 4].Array[names.Length].Select(weights =>
            names.Select((name, i) => new RingNode(name, weights[i])).ToArray()));

    public static Gen<string[]> Names(int min, int max) =>
        Gen.Int[0, 999].HashSet[min, max].Select(numbers => numbers.Select(number => $"n{number}").ToArray());

    public static RingRange[] Ranges(int count, Func<int, IReadOnlyList<string>> replicas) =>
        [.. Enumerable.Range(0, count).Select(i => new RingRange(new RangeId(i + 1), (ulong)((UInt128.One << 64) / (uint)count * (uint)i), replicas(i)))];

    public static RingRange[] NewRanges(int count) => Ranges(count, static _ => []);

    /// <summary>The ranges after the assignments were carried out.</summary>
    public static RingRange[] Carried(IReadOnlyList<RingRange> ranges, IReadOnlyList<RangeAssignment> assignments) =>
        [.. ranges.Select((range, i) => range with { Replicas = assignments[i].Replicas })];
}

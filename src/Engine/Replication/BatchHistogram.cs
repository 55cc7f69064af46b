using System.Numerics;

namespace GrainDb.Engine.Replication;

/// <summary>
/// Counts batches by size in powers of two: bucket i holds the sizes from 2^i to 2^(i+1) − 1, the last one all above. Written
/// by one flush loop, read by anybody.
/// </summary>
public sealed class BatchHistogram
{
    /// <summary>Number of buckets.</summary>
    public const int Buckets = 17;

    private readonly long[] _counts = new long[Buckets];

    /// <summary>Counts of the buckets.</summary>
    public long[] Snapshot()
    {
        var copy = new long[Buckets];
        for (var i = 0; i < Buckets; i++) copy[i] = Interlocked.Read(ref _counts[i]);
        return copy;
    }

    internal void Add(int size) => Interlocked.Increment(ref _counts[Math.Min(BitOperations.Log2((uint)size), Buckets - 1)]);
}

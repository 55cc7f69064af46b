using System.Diagnostics.Metrics;

namespace GrainDb.Engine.Ranges;

/// <summary>What ranges measure. One process counts all its ranges together: a range id is never an attribute.</summary>
internal static class RangeInstruments
{
    private static readonly Meter Meter = new("GrainDb");

    /// <summary>Records that one write and one fsync made durable together: the master variable of write cost.</summary>
    public static readonly Histogram<long> BatchSize = Meter.CreateHistogram<long>(
        "graindb.wal.batch.size", "{record}", "Records that one fsync made durable.",
        advice: new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] });
}

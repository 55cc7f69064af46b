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

    /// <summary>Versions that no snapshot can read any more and that were removed, on leaders and followers.</summary>
    public static readonly Counter<long> CollectedVersions = Meter.CreateCounter<long>("graindb.gc.versions", "{version}", "Versions that were collected.");

    /// <summary>Bytes of the keys and values that went with them.</summary>
    public static readonly Counter<long> CollectedBytes = Meter.CreateCounter<long>("graindb.gc.bytes", "By", "Bytes of keys and values that were collected.");
}

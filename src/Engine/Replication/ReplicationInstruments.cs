using System.Diagnostics.Metrics;

namespace GrainDb.Engine.Replication;

/// <summary>What replication measures. One process counts all its ranges together: a range id is never an attribute.</summary>
internal static class ReplicationInstruments
{
    private static readonly Meter Meter = new("GrainDb");

    /// <summary>Blocks that leaders of this process sent and that were taken.</summary>
    public static readonly Counter<long> SnapshotBytesSent = Meter.CreateCounter<long>(
        "graindb.snapshot.sent", "By", "Bytes of snapshots sent to replicas that lacked more than the log holds.");

    /// <summary>Replicas whose log and state a snapshot took the place of.</summary>
    public static readonly Counter<long> SnapshotsInstalled = Meter.CreateCounter<long>(
        "graindb.snapshot.installed", "{snapshot}", "Snapshots that took the place of a replica's log and state.");
}

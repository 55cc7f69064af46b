using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>What a log can do.</summary>
public enum WalStatus
{
    /// <summary>It appends.</summary>
    Healthy,

    /// <summary>The last append found no room. Nothing of it was written; the next one probes again and heals.</summary>
    DiskFull,

    /// <summary>A write or sync failed. Final: the replica answers no more acknowledgements and is rebuilt.</summary>
    Broken,
}

/// <summary>What opening a log found and mended.</summary>
/// <param name="Created">There was none; it was created.</param>
/// <param name="Segments">Number of segments.</param>
/// <param name="Records">Records in them.</param>
/// <param name="TornBytes">Bytes of an unfinished, never acknowledged append that were cut off; 0 normally.</param>
/// <param name="TornFile">Where; null when nothing was cut off.</param>
/// <param name="TornOffset">From where on.</param>
/// <param name="CheckpointLsn">The newest checkpoint with a sound header and footer; zero when there is none.</param>
/// <param name="ClosedCleanly">The log was closed, not cut off by a crash.</param>
public sealed record WalRecovery(
    bool Created, int Segments, long Records, long TornBytes, string? TornFile, long TornOffset, Lsn CheckpointLsn, bool ClosedCleanly);

/// <summary>Counts since the log was opened.</summary>
/// <param name="Batches">Appends.</param>
/// <param name="Records">Records in them.</param>
/// <param name="Bytes">Bytes written, headers included.</param>
/// <param name="Syncs">Syncs of the log's data: one per append, close and seal mark.</param>
/// <param name="Rotations">Segments begun.</param>
/// <param name="RecycledSegments">Segments deleted by prefix truncation.</param>
/// <param name="Checkpoints">Checkpoints committed.</param>
public readonly record struct WalCounters(long Batches, long Records, long Bytes, long Syncs, long Rotations, long RecycledSegments, long Checkpoints);

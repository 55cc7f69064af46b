using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;

namespace GrainDb.Grains.Hosting;

/// <summary>How a node keeps its replicas. Defaults suit a server; tests shrink them.</summary>
public sealed class StorageOptions
{
    /// <summary>Default of <see cref="CheckpointBytesPerSecond"/>.</summary>
    public const long DefaultCheckpointBytesPerSecond = 24 << 20;

    /// <summary>A range that nobody asked anything for this long leaves memory after a checkpoint.</summary>
    public TimeSpan UnloadIdleAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Bytes of version chains in memory above which the node unloads the ranges that were idle longest, before their time.
    /// </summary>
    public long MemoryBudgetBytes { get; set; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;

    /// <summary>How often checkpoints and idleness are looked at.</summary>
    public TimeSpan MaintenanceInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A range is collected ten times per retention, but not more often than this.</summary>
    public TimeSpan ShortestCollectionInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Pace of checkpoints that are due, of all replicas together; more where more is logged (<see cref="CheckpointRate"/>). Those that somebody waits for go as fast as they can.</summary>
    public long CheckpointBytesPerSecond { get; set; } = DefaultCheckpointBytesPerSecond;

    /// <summary>Log settings.</summary>
    public WalOptions Wal { get; set; } = WalOptions.Default;

    /// <summary>Bounds of what may wait for a flush, per range.</summary>
    public GroupCommitOptions GroupCommit { get; set; } = GroupCommitOptions.Default;
}

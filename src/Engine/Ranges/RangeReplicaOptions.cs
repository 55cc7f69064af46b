using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>What one replica is and how it keeps its log.</summary>
/// <param name="Range">Its range.</param>
/// <param name="Incarnation">Identity of this replica; drawn when it is created, never reused.</param>
/// <param name="Directory">Its own directory.</param>
/// <param name="Wal">Log settings.</param>
/// <param name="GroupCommit">Bounds of what may wait for a flush.</param>
/// <param name="InitialConfiguration">Who votes until the log says otherwise; unknown for a replica that was added to a range later.</param>
public sealed record RangeReplicaOptions(
    RangeId Range,
    Guid Incarnation,
    string Directory,
    WalOptions Wal,
    GroupCommitOptions GroupCommit,
    RangeConfiguration InitialConfiguration);

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
public sealed record RangeReplicaOptions(
    RangeId Range,
    Guid Incarnation,
    string Directory,
    WalOptions Wal,
    GroupCommitOptions GroupCommit)
{
    /// <summary>
    /// Who votes before any record of the log says so; <see cref="RangeConfiguration.Unknown"/> when this replica has to learn it.
    /// </summary>
    public RangeConfiguration InitialConfiguration { get; init; } = RangeConfiguration.Unknown;
}

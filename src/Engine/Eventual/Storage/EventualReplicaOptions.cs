using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Engine.Eventual;

/// <summary>What one replica of an eventual partition is and how it keeps its log.</summary>
/// <param name="Partition">Its partition.</param>
/// <param name="Incarnation">Its identity, and the actor of its dots: drawn when it is created, never used again, least of all after its disk was lost.</param>
/// <param name="Directory">Its own directory.</param>
/// <param name="Policy">The keyspace's.</param>
/// <param name="Beginning">Its standing when nothing is on the disk yet.</param>
/// <param name="Wal">Log settings.</param>
/// <param name="GroupCommit">Bounds of what may wait for a flush.</param>
public sealed record EventualReplicaOptions(
    RangeId Partition,
    Guid Incarnation,
    string Directory,
    ConflictPolicy Policy,
    ReplicaStanding Beginning,
    WalOptions Wal,
    GroupCommitOptions GroupCommit)
{
    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal EventualFaults Faults { get; init; }

    internal bool Has(EventualFaults fault) => Faults.HasFlag(fault);
}

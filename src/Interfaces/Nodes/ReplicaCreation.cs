using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Nodes;

/// <summary>Replicas that a node is to create.</summary>
/// <param name="Incarnation">
/// The data directory that the planner knew, from the node's topology row. A directory that was replaced since may have lost a replica
/// of the same id, together with what it had promised: the node refuses to make that one again, empty.
/// </param>
/// <param name="Replicas">At most one of a range.</param>
[GenerateSerializer, Immutable, Alias("graindb.replica-creation")]
public sealed record ReplicaCreation([property: Id(0)] Guid Incarnation, [property: Id(1)] PlannedReplica[] Replicas);

/// <summary>One replica to create.</summary>
/// <param name="Range">Its range.</param>
/// <param name="Replica">Its id.</param>
/// <param name="Initial">
/// Who votes before any record of the log says so; <see cref="RangeConfiguration.Unknown"/> for a newcomer to a range that exists.
/// </param>
[GenerateSerializer, Immutable, Alias("graindb.planned-replica")]
public sealed record PlannedReplica([property: Id(0)] RangeId Range, [property: Id(1)] Guid Replica, [property: Id(2)] RangeConfiguration Initial)
{
    /// <summary>The policy of its keyspace where that is eventual; null in a strong one.</summary>
    [Id(3)]
    public ConflictPolicy? Conflict { get; init; }
}

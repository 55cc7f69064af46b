namespace GrainDb.Grains.Placement;

/// <summary>Names of grain types that placement tells apart. They are in the grain directory: never reuse one.</summary>
internal static class GrainTypes
{
    public const string Range = "graindb-range";

    /// <summary>Keyed <c>range@node</c>, see <see cref="ReplicaKey"/>.</summary>
    public const string Replica = "graindb-replica";

    /// <summary>Keyed <c>range@node</c>, see <see cref="ReplicaKey"/>.</summary>
    public const string Leader = "graindb-leader";

    /// <summary>Keyed <c>range@node</c>, see <see cref="ReplicaKey"/>.</summary>
    public const string EventualReplica = "graindb-eventual-replica";

    public const string Node = "graindb-node";

    /// <summary>Keyed by the transaction's id.</summary>
    public const string Transaction = "graindb-transaction";

    /// <summary>Keyed by the saga's id.</summary>
    public const string Saga = "graindb-saga";
}

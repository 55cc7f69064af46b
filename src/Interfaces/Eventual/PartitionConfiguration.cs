using GrainDb.Interfaces.Replicas;

namespace GrainDb.Interfaces.Eventual;

/// <summary>Who holds a partition of an eventual keyspace.</summary>
/// <param name="Version">Grows with every change. Every request carries it; a replica that knows a newer one refuses.</param>
/// <param name="Members">The replicas, in order of preference; while the partition moves, those before.</param>
/// <param name="Incoming">While the partition moves, those after: every level is then met in both. Empty otherwise.</param>
/// <param name="Fallbacks">Nodes that take hints for members that do not answer, in order.</param>
[GenerateSerializer, Immutable, Alias("graindb.partition-configuration")]
public sealed record PartitionConfiguration(
    [property: Id(0)] long Version,
    [property: Id(1)] ReplicaDescriptor[] Members,
    [property: Id(2)] ReplicaDescriptor[] Incoming,
    [property: Id(3)] string[] Fallbacks)
{
    /// <summary>Whether the partition moves.</summary>
    public bool IsJoint => Incoming.Length > 0;

    /// <summary>Every replica that takes part, once.</summary>
    public IReadOnlyList<ReplicaDescriptor> All => [.. Members.Union(Incoming)];

    /// <summary>Whether a replica takes part.</summary>
    public bool Contains(Guid replica) => Array.Exists(Members, member => member.Id == replica) || Array.Exists(Incoming, member => member.Id == replica);
}

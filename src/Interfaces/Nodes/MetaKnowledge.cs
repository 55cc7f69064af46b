using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Nodes;

/// <summary>Answer of a bootstrap node to the one that forms the meta range.</summary>
/// <param name="Replica">Its replica; null when it does not give it.</param>
/// <param name="Refusal">Why not; null when it does.</param>
[GenerateSerializer, Immutable, Alias("graindb.meta-replica-offer")]
public sealed record MetaReplicaOffer([property: Id(0)] Guid? Replica, [property: Id(1)] string? Refusal);

/// <summary>What a node knows of the database without asking anybody.</summary>
/// <param name="DatabaseId">The database of its data directory; null before it joined one.</param>
/// <param name="MetaRange">Where it last knew the meta range to be.</param>
[GenerateSerializer, Immutable, Alias("graindb.meta-knowledge")]
public sealed record MetaKnowledge([property: Id(0)] Guid? DatabaseId, [property: Id(1)] RangeDescriptor MetaRange)
{
    /// <summary>Version of the meta range in which the node found that; zero when it did not find it there. Of two nodes, the one with the higher one knows better.</summary>
    [Id(2)]
    public Timestamp AsOf { get; init; }
}

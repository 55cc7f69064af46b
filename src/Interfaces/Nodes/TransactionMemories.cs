using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Nodes;

/// <summary>What the ranges that a node leads remember of a transaction.</summary>
/// <param name="Commit">When it committed; zero when none of them says so.</param>
/// <param name="IsAborted">Whether one of them was told that it aborted.</param>
/// <param name="Asked">The ranges that were asked, each while its leader could speak for it.</param>
[GenerateSerializer, Immutable, Alias("graindb.transaction-memories")]
public sealed record TransactionMemories([property: Id(0)] Timestamp Commit, [property: Id(1)] bool IsAborted, [property: Id(2)] RangeId[] Asked)
{
    /// <summary>Whether it stands prepared in one of them: it will be decided.</summary>
    [Id(3)]
    public bool IsPrepared { get; init; }
}

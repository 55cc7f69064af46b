using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Interfaces.Nodes;

/// <summary>What the ranges that a node leads remember of a transaction.</summary>
/// <param name="Commit">When one of them committed it alone; zero when none did.</param>
/// <param name="Asked">The ranges that were asked, each while its leader could speak for it.</param>
[GenerateSerializer, Immutable, Alias("graindb.commit-memory")]
public sealed record CommitMemory([property: Id(0)] Timestamp Commit, [property: Id(1)] RangeId[] Asked);

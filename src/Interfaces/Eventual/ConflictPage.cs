using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Eventual;

/// <summary>Where a list of conflicts goes on: behind this one.</summary>
/// <param name="At">When it ended.</param>
/// <param name="Winner">The write that stands.</param>
[GenerateSerializer, Immutable, Alias("graindb.conflict-position")]
public sealed record ConflictPosition([property: Id(0)] Timestamp At, [property: Id(1)] Dot Winner);

/// <summary>A page of ended conflicts.</summary>
[GenerateSerializer, Immutable, Alias("graindb.conflict-page")]
public sealed record ConflictPage
{
    /// <summary>Null when there is one.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Newest first.</summary>
    [Id(1)]
    public IReadOnlyList<ConflictRecord> Conflicts { get; init; } = [];

    /// <summary>Where the next page begins; null when this is the last.</summary>
    [Id(2)]
    public ConflictPosition? Next { get; init; }

    /// <summary>Nodes with a replica that did not answer: conflicts that only they saw are missing.</summary>
    [Id(3)]
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>A page that could not be made.</summary>
    public static ConflictPage Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>What became of having ended conflicts forgotten.</summary>
[GenerateSerializer, Immutable, Alias("graindb.conflict-dismissal")]
public sealed record ConflictDismissal
{
    /// <summary>Null when every replica that answered has none of them any more.</summary>
    [Id(0)]
    public Failure? Failure { get; init; }

    /// <summary>Whether any replica had one.</summary>
    [Id(1)]
    public bool Found { get; init; }

    /// <summary>Nodes with a replica that did not answer: what they have recorded is listed again when they do.</summary>
    [Id(2)]
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>It could not be done.</summary>
    public static ConflictDismissal Failed(Failure failure) => new() { Failure = failure };
}

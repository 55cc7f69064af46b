using GrainDb.Interfaces.Errors;

namespace GrainDb.Interfaces.Sagas;

/// <summary>A definition as it is stored.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Hash">SHA-256 of its canonical form, hex: two with the same hash do the same.</param>
/// <param name="Definition">JSON in its canonical form, defaults filled in.</param>
public sealed record StoredSagaDefinition(string Name, int Version, string Hash, ReadOnlyMemory<byte> Definition);

/// <summary>What came of a request to one definition.</summary>
public sealed record SagaDefinitionAnswer
{
    /// <summary>Null when it was served.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The definition; null when it failed.</summary>
    public StoredSagaDefinition? Definition { get; init; }

    /// <summary>Whether this request stored it.</summary>
    public bool IsNew { get; init; }

    /// <summary>Whether the same request took effect before, and nothing was done now.</summary>
    public bool IsRepeated { get; init; }

    /// <summary>A request that failed.</summary>
    public static SagaDefinitionAnswer Failed(Failure failure) => new() { Failure = failure };
}

/// <summary>A page of definitions, by name and version.</summary>
public sealed record SagaDefinitionPage
{
    /// <summary>Null when it was served.</summary>
    public Failure? Failure { get; init; }

    /// <summary>The definitions.</summary>
    public IReadOnlyList<StoredSagaDefinition> Items { get; init; } = [];

    /// <summary>Where the next page begins; null when this is the last.</summary>
    public string? Cursor { get; init; }

    /// <summary>A page that was not served.</summary>
    public static SagaDefinitionPage Failed(Failure failure) => new() { Failure = failure };
}

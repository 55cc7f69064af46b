namespace GrainDb.Interfaces.Sagas;

/// <summary>A saga that is to be started.</summary>
/// <param name="Id">1 to 128 of <c>A-Z a-z 0-9 . _ -</c>, unique among the sagas that are kept.</param>
/// <param name="Definition">Name of its definition.</param>
/// <param name="Version">Its version; null for the newest there is, which it then stays on.</param>
/// <param name="Input">What it is started with: any JSON, as UTF-8, at most 64 KiB.</param>
[GenerateSerializer, Immutable, Alias("graindb.saga-start")]
public sealed record SagaStart(
    [property: Id(0)] string Id,
    [property: Id(1)] string Definition,
    [property: Id(2)] int? Version,
    [property: Id(3)] ReadOnlyMemory<byte> Input)
{
    /// <summary>Whether a saga under this id that began on another version of the definition is the same start, though <see cref="Version"/> says on which to begin.</summary>
    [Id(5)]
    public bool IsSameOnAnyVersion { get; init; }

    /// <summary>The trace in which it is started (W3C <c>traceparent</c>); null for none. The store fills it in.</summary>
    [Id(4)]
    public string? TraceParent { get; init; }
}

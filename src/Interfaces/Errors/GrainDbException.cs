namespace GrainDb.Interfaces.Errors;

/// <summary>
/// Carries a <see cref="Errors.Failure"/> where a result type does not fit: administrative calls (keyspaces, topology),
/// never the data path.
/// </summary>
[GenerateSerializer, Alias("graindb.exception")]
public sealed class GrainDbException : Exception
{
    /// <summary>Wraps a failure.</summary>
    public GrainDbException(Failure failure)
        : base(failure.Detail) => Failure = failure;

    /// <summary>What failed.</summary>
    [Id(0)]
    public Failure Failure { get; }
}

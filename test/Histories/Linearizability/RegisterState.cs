using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Linearizability;

/// <summary>
/// What the register holds at one point of an order.
/// </summary>
/// <param name="Exists">Whether there is a value.</param>
/// <param name="Value">The value.</param>
/// <param name="Version">Its version; zero when it was written by an operation of which nobody was told the version.</param>
/// <param name="Floor">Largest version known to be in the order: every later one is larger.</param>
internal readonly record struct RegisterState(bool Exists, string? Value, Timestamp Version, Timestamp Floor)
{
    /// <summary>Whether a write's condition holds here.</summary>
    public bool Satisfies(WriteCondition condition) => condition.Kind switch
    {
        ConditionKind.None => true,
        ConditionKind.Exists => Exists,
        ConditionKind.NotExists => !Exists,
        _ => HasVersion(condition.Version),
    };

    /// <summary>Whether what was answered to an operation that changes nothing is true here.</summary>
    public bool Explains(Operation operation)
    {
        if (operation.Outcome == OperationOutcome.Mismatch)
            return !Satisfies(operation.Condition) && (operation.Seen.IsAbsent ? !Exists : HasVersion(operation.Seen.Version));
        if (operation.Kind == OperationKind.Delete)
            return !Exists && Satisfies(operation.Condition);
        return operation.Seen.IsAbsent ? !Exists : HasVersion(operation.Seen.Version) && Value == operation.Seen.Value;
    }

    public override string ToString() => !Exists ? "absent" : $"{Value} at {(Version.IsZero ? "a version that nobody was told" : Version)}";

    private bool HasVersion(Timestamp version) => Exists && !Version.IsZero && version == Version;
}

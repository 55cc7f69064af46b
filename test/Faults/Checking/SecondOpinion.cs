using GrainDb.Faults.Recording;
using GrainDb.Histories.Linearizability;
using GrainDb.Interfaces.Keys;
using Model = GrainDb.Histories;

namespace GrainDb.Faults.Checking;

/// <summary>
/// The checkers of the simulator: a search for an order that does not know the one of the writes, and a comparison with the versions. Two
/// programs rarely overlook the same.
/// </summary>
internal static class SecondOpinion
{
    public static IEnumerable<string> Check(KeyVersions versions, IEnumerable<Operation> operations)
    {
        var shared = operations
            .Where(operation => operation.IsWrite || operation.Outcome == OperationOutcome.Applied)
            .OrderBy(operation => operation.Invoked)
            .Select((operation, number) => Of(operation) with { Number = number })
            .ToList();
        return LinearizabilityChecker.Check(shared)
            .Concat(Model.VersionsChecker.Check(shared, new Dictionary<string, IReadOnlyList<Model.KeyVersion>> { [versions.Key] = Of(versions) }))
            .Select(violation => violation.ToString());
    }

    private static Model.Operation Of(Operation operation) => new()
    {
        Client = $"client {operation.Client}",
        Key = operation.Key,
        Kind = operation.IsWrite ? Model.OperationKind.Put : Model.OperationKind.Read,
        Condition = operation.Kind switch
        {
            OperationKind.Create => new WriteCondition(ConditionKind.NotExists, default),
            OperationKind.CompareAndSet => new WriteCondition(ConditionKind.VersionEquals, Parse(operation.Condition)),
            _ => WriteCondition.None,
        },
        Value = operation.Written,
        Invoked = operation.Invoked.Ticks,
        Returned = operation.Outcome == OperationOutcome.Unknown ? long.MaxValue : operation.Returned.Ticks,
        Outcome = operation.Outcome switch
        {
            OperationOutcome.Applied => Model.OperationOutcome.Ok,
            OperationOutcome.ConditionFailed => Model.OperationOutcome.Mismatch,
            OperationOutcome.NotApplied => Model.OperationOutcome.NotApplied,
            _ => Model.OperationOutcome.Unknown,
        },
        Seen = operation.IsWrite && operation.Outcome != OperationOutcome.ConditionFailed ? default : new Model.SeenState(operation.Found, Parse(operation.Version)),
        Version = operation is { IsWrite: true, Outcome: OperationOutcome.Applied } ? Parse(operation.Version) : default,
        AnsweredBy = operation.Node,
    };

    private static IReadOnlyList<Model.KeyVersion> Of(KeyVersions versions) =>
        [.. versions.Versions.Select(version => new Model.KeyVersion(Parse(version.Version), version.Deleted ? null : version.Value))];

    private static Timestamp Parse(string? version) => version is null
        ? Timestamp.Zero
        : Timestamp.TryParse(version, out var timestamp) ? timestamp : throw new InvalidDataException($"'{version}' is no version");
}

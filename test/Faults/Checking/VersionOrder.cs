using GrainDb.Faults.Recording;

namespace GrainDb.Faults.Checking;

/// <summary>
/// Decides whether the operations on one key are linearizable in the order of its versions, and whether every outcome was true.
/// <para>
/// GrainDb promises more than some order: versions are that order. With the order of the writes known the question needs no search. Each
/// operation has a place: a write that of its version, a read that of what it found. An order of all operations that keeps both places and
/// real time exists exactly when no two operations contradict each other: none returned at a later place before another at an earlier one was
/// invoked, and none found a version before the write of it was invoked.
/// </para>
/// A write of unknown outcome that is in the history happened at some time after its invocation; one that is not there has no effect.
/// </summary>
internal static class VersionOrder
{
    /// <returns>What is wrong, one line each; empty when nothing is.</returns>
    public static IReadOnlyList<string> Check(KeyVersions versions, IReadOnlyCollection<Operation> operations)
    {
        var wrong = new List<string>(versions.Repeated.Select(value => $"{versions.Key}: applied more than once: {value}"));
        var placed = new List<Placed>();
        foreach (var operation in operations)
        {
            var (place, error) = PlaceOf(versions, operation);
            if (error is not null)
                wrong.Add($"{error}: {operation}");
            else if (place is { } known)
                placed.Add(known);
        }

        wrong.AddRange(AgainstTime(placed));
        wrong.AddRange(Unaccounted(versions, operations));
        return wrong;
    }

    private static (Placed? Place, string? Error) PlaceOf(KeyVersions versions, Operation operation) => operation switch
    {
        { Kind: OperationKind.Read, Outcome: OperationOutcome.Applied } => PlaceOfRead(versions, operation),
        { Kind: OperationKind.Read } => (null, null),
        { Outcome: OperationOutcome.ConditionFailed } => PlaceOfRefused(versions, operation),
        { Outcome: OperationOutcome.NotApplied } => versions.PositionOfValue(operation.Written!) is null ? (null, null) : (null, "said not to be applied, and it was"),
        _ => PlaceOfWrite(versions, operation),
    };

    private static (Placed? Place, string? Error) PlaceOfRead(KeyVersions versions, Operation read)
    {
        if (versions.PositionOf(read.Version) is not { } position)
            return (null, "read a version that is not in the history");
        if (position > 0 && versions.At(position).Value != read.Found)
            return (null, "read a version with another value");
        return (new Placed(read, position, IsWrite: false), null);
    }

    private static (Placed? Place, string? Error) PlaceOfRefused(KeyVersions versions, Operation refused)
    {
        if (versions.PositionOfValue(refused.Written!) is not null)
            return (null, "refused by its condition, and applied");
        if (versions.PositionOf(refused.Version) is not { } position)
            return (null, "refused because of a version that is not in the history");
        if (refused.Kind == OperationKind.Put || (refused.Kind == OperationKind.Create ? position == 0 : refused.Condition == refused.Version))
            return (null, "refused although its condition held");
        return (new Placed(refused, position, IsWrite: false), null);
    }

    private static (Placed? Place, string? Error) PlaceOfWrite(KeyVersions versions, Operation write)
    {
        var isCertain = write.Outcome == OperationOutcome.Applied;
        if (versions.PositionOfValue(write.Written!) is not { } position)
            return (null, isCertain ? "acknowledged, and lost" : null);
        if (isCertain && write.Version is { } version && version != versions.At(position).Version)
            return (null, $"acknowledged with another version than that of the history, {versions.At(position).Version}");
        if (write.Kind == OperationKind.Create && position != 1)
            return (null, "created a key that was there");
        if (write.Kind == OperationKind.CompareAndSet && versions.PositionOf(write.Condition) != position - 1)
            return (null, "replaced a version that was not the newest");
        return (new Placed(write, position, IsWrite: true), null);
    }

    /// <summary>
    /// Walks the invocations in time beside the returns in time: everything that returned before an invocation bounds its place from below.
    /// </summary>
    private static IEnumerable<string> AgainstTime(List<Placed> placed)
    {
        var returns = placed.Where(one => one.IsReturned).OrderBy(one => one.Operation.Returned).ToList();
        var next = 0;
        Placed? latest = null;
        foreach (var one in placed.OrderBy(one => one.Operation.Invoked))
        {
            for (; next < returns.Count && returns[next].Operation.Returned < one.Operation.Invoked; next++)
            {
                if (latest is null || returns[next].Position > latest.Position)
                    latest = returns[next];
            }

            if (latest is not null && (one.IsWrite ? one.Position <= latest.Position : one.Position < latest.Position))
                yield return $"not linearizable: {one.Operation} comes in time after, and in order before: {latest.Operation}";
        }
    }

    /// <summary>Every version was written by somebody.</summary>
    private static IEnumerable<string> Unaccounted(KeyVersions versions, IReadOnlyCollection<Operation> operations)
    {
        var written = operations.Where(operation => operation.IsWrite).Select(operation => operation.Written!).ToHashSet();
        return versions.Versions.Where(version => version.Value is null || !written.Contains(version.Value))
            .Select(version => $"{versions.Key}: version {version.Version} was written by nobody: {version.Value ?? "deleted"}");
    }

    /// <param name="Operation">The operation.</param>
    /// <param name="Position">Place of what it wrote or found.</param>
    /// <param name="IsWrite">Whether it made that version; else it has seen it.</param>
    private sealed record Placed(Operation Operation, int Position, bool IsWrite)
    {
        /// <summary>A write without a clear answer may take effect at any time after its invocation.</summary>
        public bool IsReturned => Operation.Outcome is OperationOutcome.Applied or OperationOutcome.ConditionFailed;
    }
}

using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Tests;

/// <summary>Linearizability by its definition, with no cleverness: every order and every subset of the unknown operations is tried. For short histories.</summary>
internal static class ExhaustiveSearch
{
    public static bool IsLinearizable(IReadOnlyList<Operation> operations) =>
        Search([.. operations.Where(operation => operation.Outcome != OperationOutcome.NotApplied
            && !(operation.Kind == OperationKind.Read && operation.Outcome == OperationOutcome.Unknown))], SeenState.Absent, Timestamp.Zero);

    private static bool Search(List<Operation> left, SeenState state, Timestamp newest)
    {
        if (left.TrueForAll(operation => operation.Outcome == OperationOutcome.Unknown))
            return true;
        var deadline = left.Where(operation => operation.Outcome != OperationOutcome.Unknown).Min(operation => operation.Returned);
        foreach (var operation in left.Where(operation => operation.Invoked <= deadline))
        {
            var rest = left.Where(other => !ReferenceEquals(other, operation)).ToList();
            foreach (var (after, version) in Steps(operation, state, newest, left))
            {
                if (Search(rest, after, version))
                    return true;
            }
        }

        return false;
    }

    /// <summary>States to which the operation may lead, none when its answer is wrong here.</summary>
    private static IEnumerable<(SeenState State, Timestamp Newest)> Steps(Operation operation, SeenState state, Timestamp newest, List<Operation> left)
    {
        var holds = operation.Condition.Kind switch
        {
            ConditionKind.Exists => !state.IsAbsent,
            ConditionKind.NotExists => state.IsAbsent,
            ConditionKind.VersionEquals => state.Version == operation.Condition.Version && !state.IsAbsent,
            _ => true,
        };
        switch (operation.Outcome)
        {
            case OperationOutcome.Ok when operation.Kind == OperationKind.Read:
                if (operation.Seen == state)
                    yield return (state, newest);
                break;
            case OperationOutcome.Mismatch:
                if (!holds && operation.Seen.Version == state.Version)
                    yield return (state, newest);
                break;
            case OperationOutcome.Ok when !operation.IsChange():
                if (holds && state.IsAbsent)
                    yield return (state, newest);
                break;
            case OperationOutcome.Ok:
                if (holds && operation.Version > newest && operation.Existed == !state.IsAbsent)
                    yield return (operation.Kind == OperationKind.Put ? new(operation.Value, operation.Version) : SeenState.Absent, operation.Version);
                break;
            default:
                if (!holds)
                    break;

                // Its version may be any that somebody saw, or one that nobody saw, between the neighbours.
                if (operation.Kind == OperationKind.Delete)
                {
                    yield return (SeenState.Absent, newest);
                    break;
                }

                foreach (var seen in left.Select(other => other.Seen.Version).Concat(left.Select(other => other.Condition.Version)).Where(seen => seen > newest).Distinct())
                    yield return (new(operation.Value, seen), seen);
                yield return (new(operation.Value, new Timestamp(newest.Value | Unseen)), newest);
                break;
        }
    }

    /// <summary>Makes a version different from every one in the history.</summary>
    private const ulong Unseen = 1UL << 63;

    private static bool IsChange(this Operation operation) =>
        !(operation.Kind == OperationKind.Delete && operation.Outcome == OperationOutcome.Ok && operation.Existed == false);
}

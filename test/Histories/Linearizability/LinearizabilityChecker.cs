using System.Text;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories.Linearizability;

/// <summary>
/// Whether the operations on each key can be put in one order that agrees with real time, and in which every answer is what a
/// register with versions would have said: a write replaces value and version, versions only grow, a condition is evaluated against
/// the state before it, a read returns the state. An operation of unknown outcome may happen at any time after its call, or never;
/// one that was not applied never happens.
/// <para>Linearizability is local, so each key is judged alone (Herlihy and Wing, 1990).</para>
/// </summary>
public static class LinearizabilityChecker
{
    /// <summary>Operations shown around a violation.</summary>
    private const int ShownOperations = 12;

    /// <summary>The first violation of every key that has one.</summary>
    public static IEnumerable<Violation> Check(IReadOnlyList<Operation> operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        foreach (var key in operations.GroupBy(operation => operation.Key))
        {
            if (CheckKey([.. key]) is { } violation)
                yield return violation;
        }
    }

    /// <summary>The first violation of one key's operations; null when they are linearizable.</summary>
    public static Violation? CheckKey(IReadOnlyList<Operation> operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        if (Impossible(operations) is { } plain)
            return plain;
        var search = new RegisterSearch(operations);
        return search.Run() ? null : new("linearizability", Explain(search));
    }

    /// <summary>What is wrong whatever the order is; found first because it is the easiest to read.</summary>
    private static Violation? Impossible(IReadOnlyList<Operation> operations)
    {
        var writers = new Dictionary<string, Operation>();
        foreach (var write in operations.Where(operation => operation.Kind == OperationKind.Put))
        {
            if (!writers.TryAdd(write.Value!, write))
                throw new ArgumentException($"two operations write {write.Value}", nameof(operations));
        }

        var commits = new Dictionary<Timestamp, Operation>();
        foreach (var write in operations.Where(operation => operation is { Outcome: OperationOutcome.Ok, IsChange: true }))
        {
            if (!commits.TryAdd(write.Version, write))
                return new("linearizability", $"two writes have one version: {commits[write.Version]}; {write}");
        }

        var versions = new Dictionary<string, Operation>();
        foreach (var read in operations)
        {
            if (read is not { Kind: OperationKind.Read, Outcome: OperationOutcome.Ok, Seen.Value: { } value })
                continue;
            if (!writers.TryGetValue(value, out var writer))
                return new("linearizability", $"nobody wrote what was read: {read}");
            if (writer.Outcome is OperationOutcome.NotApplied or OperationOutcome.Mismatch)
                return new("honest outcomes", $"a write that was refused was read: {writer}; {read}");
            if (read.Returned < writer.Invoked)
                return new("linearizability", $"read before it was written: {read}; {writer}");
            if (writer.Outcome == OperationOutcome.Ok && writer.Version != read.Seen.Version)
                return new("linearizability", $"the version that was read is not the one of its write: {writer}; {read}");
            if (!versions.TryAdd(value, read) && versions[value].Seen.Version != read.Seen.Version)
                return new("linearizability", $"one value was read at two versions: {versions[value]}; {read}");
        }

        return null;
    }

    private static string Explain(RegisterSearch search)
    {
        var text = new StringBuilder();
        text.Append($"the key can be followed through {search.DeepestOrder.Count} of {search.Total} operations up to the state ({search.DeepestState}); no order explains what comes next.\n  last in the order found:");
        foreach (var operation in search.DeepestOrder.Skip(Math.Max(0, search.DeepestOrder.Count - ShownOperations)))
            text.Append($"\n    {operation}");
        text.Append("\n  left, the first to return first:");
        foreach (var operation in search.DeepestRest.OrderBy(operation => operation.Returned).ThenBy(operation => operation.Invoked).Take(ShownOperations))
            text.Append($"\n    {operation}");
        return text.ToString();
    }
}

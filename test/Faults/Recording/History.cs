using System.Collections.Concurrent;
using System.Diagnostics;

namespace GrainDb.Faults.Recording;

/// <summary>Everything that all clients did, and the clock that they share.</summary>
internal sealed class History
{
    private readonly ConcurrentQueue<Operation> _operations = new();
    private readonly long _begun = Stopwatch.GetTimestamp();

    public TimeSpan Now => Stopwatch.GetElapsedTime(_begun);

    public IReadOnlyCollection<Operation> Operations => _operations;

    public void Add(Operation operation) => _operations.Enqueue(operation);

    /// <summary>Acknowledged operations of a window, of those that are asked for.</summary>
    public int Count(TimeSpan from, TimeSpan to, Func<Operation, bool> which) =>
        _operations.Count(operation => which(operation) && operation.Outcome is OperationOutcome.Applied or OperationOutcome.ConditionFailed && operation.Returned >= from && operation.Returned < to);

    /// <summary>How often each kind of answer was given, in one line.</summary>
    public string Summary() => string.Join(", ", _operations
        .CountBy(operation => $"{(operation.IsWrite ? "write" : "read")} {operation.Answer} {operation.Outcome}")
        .OrderByDescending(pair => pair.Value)
        .Select(pair => $"{pair.Value} x {pair.Key}"));
}

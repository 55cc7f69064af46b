namespace GrainDb.Histories;

/// <summary>What clients asked and were told, in the order of their calls. Safe for many clients at once.</summary>
public sealed class History
{
    private readonly Lock _gate = new();
    private readonly List<Operation> _operations = [];

    /// <summary>Notes a call, before it is sent: whatever happens to the client, the operation may have an effect from now on.</summary>
    /// <returns>The operation with its number.</returns>
    public Operation Invoke(Operation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        lock (_gate)
        {
            var numbered = operation with { Number = _operations.Count };
            _operations.Add(numbered);
            return numbered;
        }
    }

    /// <summary>Notes the answer.</summary>
    /// <param name="operation">What <see cref="Invoke"/> returned, with the answer filled in.</param>
    public void Return(Operation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        lock (_gate)
        {
            if (_operations[operation.Number].Outcome != OperationOutcome.Unknown)
                throw new InvalidOperationException($"answered twice: {operation}");
            _operations[operation.Number] = operation.Outcome == OperationOutcome.Unknown ? operation with { Returned = long.MaxValue } : operation;
        }
    }

    /// <summary>Everything so far.</summary>
    public IReadOnlyList<Operation> Snapshot()
    {
        lock (_gate)
            return [.. _operations];
    }
}

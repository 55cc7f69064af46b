namespace GrainDb.LoadTool.Workloads;

/// <summary>What one request does; latencies are kept apart by it.</summary>
internal enum OperationKind
{
    /// <summary>An unconditional write.</summary>
    Put,

    /// <summary>A point read.</summary>
    Get,

    /// <summary>A write with <c>If-Match</c>.</summary>
    CompareAndSet,

    /// <summary>A range read.</summary>
    Scan,

    /// <summary>A transaction over two accounts.</summary>
    Transfer,
}

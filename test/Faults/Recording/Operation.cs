namespace GrainDb.Faults.Recording;

internal enum OperationKind
{
    /// <summary>A linearizable read.</summary>
    Read,

    /// <summary>A write without a condition.</summary>
    Put,

    /// <summary>A write that wants the key absent.</summary>
    Create,

    /// <summary>A write that wants <see cref="Operation.Condition"/> to be the newest version.</summary>
    CompareAndSet,
}

internal enum OperationOutcome
{
    /// <summary>It happened, and the answer says what came of it.</summary>
    Applied,

    /// <summary>It was refused because of what was there: a read of <see cref="Operation.Version"/> in effect.</summary>
    ConditionFailed,

    /// <summary>The server vouches that it never happens; or nothing was ever sent.</summary>
    NotApplied,

    /// <summary>It may have happened or may still happen.</summary>
    Unknown,
}

/// <summary>
/// What one client did and was told. A written value occurs in one operation only, so a value that is found names the write that it came
/// from. A client does one thing after the other; one that got no clear answer goes on, and what it left open stays open for ever.
/// </summary>
internal sealed record Operation
{
    public required int Client { get; init; }

    public required string Key { get; init; }

    public required OperationKind Kind { get; init; }

    /// <summary>Version that a <see cref="OperationKind.CompareAndSet"/> wants.</summary>
    public string? Condition { get; init; }

    /// <summary>Name of the <see cref="WrittenValue"/> that a write writes.</summary>
    public string? Written { get; init; }

    /// <summary>Since the beginning of the history; monotonic, one clock for all clients.</summary>
    public required TimeSpan Invoked { get; init; }

    public required TimeSpan Returned { get; init; }

    public required OperationOutcome Outcome { get; init; }

    /// <summary>Version that was written, found, or stood in the way; null for an absent key.</summary>
    public string? Version { get; init; }

    /// <summary>Name of the value that a read found.</summary>
    public string? Found { get; init; }

    /// <summary>The node that was asked.</summary>
    public required string Node { get; init; }

    /// <summary>The status, and the code of the problem; or how the connection failed.</summary>
    public required string Answer { get; init; }

    public bool IsWrite => Kind != OperationKind.Read;

    public override string ToString() =>
        $"[{Invoked.TotalSeconds:0.000}..{Returned.TotalSeconds:0.000}] client {Client} {Kind} {Key} at {Node}{(Condition is null ? "" : $" if {Condition}")}{(Written is null ? "" : $" := {Written}")}"
        + $" -> {Outcome} ({Answer}) {Version ?? "no version"}{(Found is null ? "" : $" = {Found}")}";
}

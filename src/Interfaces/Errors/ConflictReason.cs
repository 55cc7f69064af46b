namespace GrainDb.Interfaces.Errors;

/// <summary>What a transaction met that was answered with <see cref="ErrorCode.TransactionConflict"/>.</summary>
public enum ConflictReason : byte
{
    /// <summary>Not said.</summary>
    None,

    /// <summary>A commit since its snapshot, on what it writes or what must be unchanged.</summary>
    Changed,

    /// <summary>Another transaction that is older or stays undecided, on the same keys.</summary>
    Undecided,

    /// <summary>A condition of a write that held in the snapshot and does not hold any more.</summary>
    Condition,

    /// <summary>Its snapshot would have had to move up over a change of what it had read.</summary>
    Snapshot,

    /// <summary>Others aborted it: it was not decided in time.</summary>
    Aborted,
}

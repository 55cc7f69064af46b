using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Transactions;

/// <summary>What a range says of a transaction that is given up. Neither failed, nor decided, nor prepared: nothing comes of it here any more.</summary>
public readonly record struct FenceResult
{
    /// <summary>Why it could not be asked, or made sure; null when it was.</summary>
    public Failure? Failure { get; init; }

    /// <summary>When it committed here, zero when it was aborted; null when nothing is known here.</summary>
    public Timestamp? Outcome { get; init; }

    /// <summary>Whether it stands prepared here: its anchor decides.</summary>
    public bool IsPrepared { get; init; }

    /// <summary>A range that could not be asked.</summary>
    public static FenceResult Failed(Failure failure) => new() { Failure = failure };
}

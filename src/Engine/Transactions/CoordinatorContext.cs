using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>What all coordinators of one node share.</summary>
public sealed record CoordinatorContext
{
    /// <summary>The ranges.</summary>
    public required ITransactionRanges Ranges { get; init; }

    /// <summary>How decisions reach the participants.</summary>
    public required IResolutions Resolutions { get; init; }

    /// <summary>The node's clock.</summary>
    public required HybridLogicalClock Clock { get; init; }

    /// <summary>Source of durations.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>The node's stable name.</summary>
    public required string Node { get; init; }

    /// <summary>Longest value in bytes.</summary>
    public required int MaxValueBytes { get; init; }

    /// <summary>Whether these are the database's own transactions: only they write system keyspaces.</summary>
    public bool MayWriteSystem { get; init; }

    /// <summary>Makes the random half of an id, and jitter.</summary>
    public required Func<ulong> Random { get; init; }

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal CoordinatorFaults Faults { get; init; }

    /// <summary>Whether the leader of a range is on this node: it makes the better anchor, since its decision makes no hop.</summary>
    public Func<RangeId, bool> IsLedHere { get; init; } = static _ => false;

    /// <summary>The id of a transaction that begins now.</summary>
    public TransactionId NewId() => NewId(Clock.Now());

    /// <summary>Another id of a transaction that began then.</summary>
    public TransactionId NewId(Timestamp began) => new(began, Random());

    internal bool Has(CoordinatorFaults fault) => Faults.HasFlag(fault);

    internal TimeBudget Budget(TimeSpan timeout) => new(Time, timeout);

    /// <summary>A pause that is different for everybody: between half of it and one and a half.</summary>
    public TimeSpan Jittered(TimeSpan pause) => pause * (0.5 + (Random() / (double)ulong.MaxValue));
}

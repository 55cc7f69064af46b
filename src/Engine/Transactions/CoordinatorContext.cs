using GrainDb.Engine.Time;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>What all coordinators of one node share.</summary>
public sealed record CoordinatorContext
{
    /// <summary>Ids that are drawn for one that is decided on this node.</summary>
    private const int MaxDraws = 8;

    /// <summary>The ranges.</summary>
    public required ITransactionRanges Ranges { get; init; }

    /// <summary>The decisions.</summary>
    public required ITransactionRecords Records { get; init; }

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

    /// <summary>
    /// Whether the decision on a transaction would be written by a leader on this node. Ids are drawn until it is: decisions of one node then share batches, and make no hop. Always, where nothing is near.
    /// </summary>
    public Func<TransactionId, bool> IsNear { get; init; } = static _ => true;

    /// <summary>The id of a transaction that begins now.</summary>
    public TransactionId NewId() => NewId(Clock.Now());

    /// <summary>Another id of a transaction that began then.</summary>
    public TransactionId NewId(Timestamp began)
    {
        var id = new TransactionId(began, Random());
        for (var draws = 1; draws < MaxDraws && !IsNear(id); draws++)
            id = new TransactionId(began, Random());
        return id;
    }

    internal bool Has(CoordinatorFaults fault) => Faults.HasFlag(fault);

    internal TimeBudget Budget(TimeSpan timeout) => new(Time, timeout);

    /// <summary>A pause that is different for everybody: between half of it and one and a half.</summary>
    public TimeSpan Jittered(TimeSpan pause) => pause * (0.5 + (Random() / (double)ulong.MaxValue));
}

using System.Text;

namespace GrainDb.Histories.Isolation;

/// <summary>
/// What can be wrong with a history of transactions, by the names of Adya ("Weak Consistency", 1999) and of Elle (Kingsbury and Alvaro, 2020).
/// </summary>
public enum AnomalyKind
{
    /// <summary>A value that nobody wrote was read.</summary>
    Garbage,

    /// <summary>One element stands in a list twice.</summary>
    DuplicateElement,

    /// <summary>Two reads of one key cannot come from one order of its versions.</summary>
    IncompatibleOrder,

    /// <summary>A transaction does not see its own writes, or not the same twice.</summary>
    Internal,

    /// <summary>G1a: a write of an aborted transaction was read.</summary>
    AbortedRead,

    /// <summary>A committed write builds on one of an aborted transaction.</summary>
    DirtyUpdate,

    /// <summary>G1b: a value was read that its transaction had replaced before it committed.</summary>
    IntermediateRead,

    /// <summary>G0, dirty write: transactions overwrote each other in turn.</summary>
    WriteCycle,

    /// <summary>G1c: transactions depend on each other by what they wrote and read.</summary>
    CircularInformationFlow,

    /// <summary>Two transactions changed a key each from the same state of it, so that one's change is lost. A kind of G-single.</summary>
    LostUpdate,

    /// <summary>G-single, read skew: one transaction saw another's effect in part, or overlooked what it depends on.</summary>
    ReadSkew,

    /// <summary>Two readers saw two writers in opposite orders.</summary>
    LongFork,

    /// <summary>A cycle of two and more anti-dependencies of which none follows another: no snapshots explain it.</summary>
    NonAdjacentCycle,

    /// <summary>G2-item, write skew: a cycle with anti-dependencies between items that were read. Allowed among snapshot transactions.</summary>
    WriteSkew,

    /// <summary>G2: as before, through an interval that was scanned.</summary>
    PredicateWriteSkew,
}

/// <summary>A broken promise of isolation.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="IsRealTime">Whether the order of real time is needed to show it: without it the history would be in order.</param>
/// <param name="Explanation">For a person: the transactions and what each has to do with the next.</param>
public sealed record Anomaly(AnomalyKind Kind, bool IsRealTime, string Explanation)
{
    /// <summary>Its usual name.</summary>
    public string Name => (Kind switch
    {
        AnomalyKind.Garbage => "garbage read",
        AnomalyKind.DuplicateElement => "duplicate element",
        AnomalyKind.IncompatibleOrder => "incompatible order",
        AnomalyKind.Internal => "internal",
        AnomalyKind.AbortedRead => "G1a",
        AnomalyKind.DirtyUpdate => "dirty update",
        AnomalyKind.IntermediateRead => "G1b",
        AnomalyKind.WriteCycle => "G0",
        AnomalyKind.CircularInformationFlow => "G1c",
        AnomalyKind.LostUpdate => "lost update",
        AnomalyKind.ReadSkew => "G-single",
        AnomalyKind.LongFork => "long fork",
        AnomalyKind.NonAdjacentCycle => "G-nonadjacent",
        AnomalyKind.WriteSkew => "G2-item",
        AnomalyKind.PredicateWriteSkew => "G2",
        _ => throw new InvalidOperationException($"unknown anomaly {Kind}"),
    }) + (IsRealTime ? "-realtime" : "");

    /// <summary>As a broken promise among others.</summary>
    public Violation ToViolation() => new(Name, Explanation);

    public override string ToString() => new StringBuilder(Name).Append(": ").Append(Explanation).ToString();
}

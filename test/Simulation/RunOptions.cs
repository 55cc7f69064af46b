using GrainDb.Simulation.Cluster;

namespace GrainDb.Simulation;

/// <summary>What is wanted of runs, beside their seeds.</summary>
internal sealed record RunOptions
{
    public static readonly RunOptions Any = new();

    /// <summary>Deliberate errors.</summary>
    public Faults Faults { get; init; }

    /// <summary>The course of events that is wanted; null for any.</summary>
    public Script? Script { get; init; }

    /// <summary>Whether clients work in transactions; null for in some runs.</summary>
    public bool? Transactions { get; init; }

    /// <summary>Whether a run has transactions. Errors of replication are looked for without them.</summary>
    public bool WantsTransactions(Random random) => Transactions ?? (Faults.AreOfTransactions || (Faults == Faults.None && random.Next(3) == 0));
}

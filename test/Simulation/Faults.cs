using GrainDb.Engine.Replication;
using GrainDb.Engine.Transactions;

namespace GrainDb.Simulation;

/// <summary>Deliberate errors, one or none.</summary>
/// <param name="Replication">Of the replication of ranges.</param>
/// <param name="Ranges">Of ranges' part in transactions.</param>
/// <param name="Coordinators">Of coordinators and recovery.</param>
internal readonly record struct Faults(
    ReplicationFaults Replication = ReplicationFaults.None,
    TransactionFaults Ranges = TransactionFaults.None,
    CoordinatorFaults Coordinators = CoordinatorFaults.None)
{
    public static readonly Faults None;

    /// <summary>Whether the error is one that only transactions show.</summary>
    public bool AreOfTransactions => Ranges != TransactionFaults.None || Coordinators != CoordinatorFaults.None;

    public static bool TryParse(string name, out Faults faults)
    {
        faults = None;
        if (Enum.TryParse<ReplicationFaults>(name, out var replication))
            faults = new(Replication: replication);
        else if (Enum.TryParse<TransactionFaults>(name, out var ranges))
            faults = new(Ranges: ranges);
        else if (Enum.TryParse<CoordinatorFaults>(name, out var coordinators))
            faults = new(Coordinators: coordinators);
        else
            return false;
        return true;
    }
}

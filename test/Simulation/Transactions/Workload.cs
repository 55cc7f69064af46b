namespace GrainDb.Simulation.Transactions;

/// <summary>What clients do in transactions.</summary>
internal enum Workload
{
    /// <summary>Append to lists and read them, also by conditional writes and at followers.</summary>
    Lists,

    /// <summary>Read and replace registers that others use without transactions.</summary>
    Registers,

    /// <summary>Move money between accounts.</summary>
    Bank,

    /// <summary>FoundationDB's cycle.</summary>
    Ring,
}

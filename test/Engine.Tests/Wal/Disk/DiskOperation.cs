namespace GrainDb.Engine.Tests.Wal.Disk;

/// <summary>What changes a disk, or makes it durable.</summary>
public enum DiskOperationKind
{
    Write,
    SetLength,
    Preallocate,
    SyncFile,
    SyncDirectory,
    Create,
    Delete,
    Rename,
    CreateDirectory,
    DeleteDirectory,
}

/// <summary>One such operation, before it happens.</summary>
/// <param name="Index">How many came before it, from 0.</param>
/// <param name="Kind">What.</param>
/// <param name="Path">On which file or directory.</param>
public readonly record struct DiskOperation(int Index, DiskOperationKind Kind, string Path);

/// <summary>How an operation fails.</summary>
public enum DiskFault
{
    /// <summary>It does not.</summary>
    None,

    /// <summary>EIO. A failed sync drops what was unsynced, while reads still show it, as Linux does.</summary>
    InputOutput,

    /// <summary>ENOSPC, before anything happened.</summary>
    Full,

    /// <summary>The machine stops before the operation.</summary>
    Crash,
}

/// <summary>The simulated machine stopped; nothing works until it is started again.</summary>
public sealed class SimulatedCrashException : Exception
{
    public SimulatedCrashException()
        : base("simulated crash")
    {
    }
}

using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;

namespace GrainDb.Engine.Eventual;

/// <summary>How one node keeps hints.</summary>
/// <param name="Directory">Its own directory.</param>
/// <param name="Incarnation">Identity of the log; drawn when it is created.</param>
/// <param name="Wal">Log settings.</param>
/// <param name="GroupCommit">Bounds of what may wait for a flush.</param>
public sealed record HintStoreOptions(string Directory, Guid Incarnation, WalOptions Wal, GroupCommitOptions GroupCommit)
{
    /// <summary>Most bytes for one replica.</summary>
    public long MaxTargetBytes { get; init; } = 32 << 20;

    /// <summary>Most bytes in all. They are in memory as well.</summary>
    public long MaxBytes { get; init; } = 128 << 20;

    /// <summary>How long a hint is kept. A replica that was away for longer is repaired as a whole.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromHours(3);

    /// <summary>Deliberate errors, to prove that tests see them.</summary>
    internal EventualFaults Faults { get; init; }
}

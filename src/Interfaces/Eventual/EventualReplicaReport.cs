namespace GrainDb.Interfaces.Eventual;

/// <summary>What only a replica of an eventual partition says of itself.</summary>
/// <param name="Epoch">States that are read there show everything that any replica had when the round of this epoch began.</param>
/// <param name="IsJoined">Whether it takes part; one that joins takes nothing before it asked another one since when it may.</param>
/// <param name="NeedsRepair">Whether it may lack what it, or one before it, acknowledged: it does not count for reads.</param>
/// <param name="Root">Root of its tree: equal on replicas that agree.</param>
/// <param name="Conflicted">Keys with more than one sibling.</param>
/// <param name="Tombstones">Keys that are deleted or will expire.</param>
/// <param name="ResolvedConflicts">Conflicts that ended there.</param>
/// <param name="LastAgreement">When it last agreed with all others; null before the first time since its node started.</param>
[GenerateSerializer, Immutable, Alias("graindb.eventual-replica-report")]
public sealed record EventualReplicaReport(
    [property: Id(0)] long Epoch,
    [property: Id(1)] bool IsJoined,
    [property: Id(2)] bool NeedsRepair,
    [property: Id(3)] ulong Root,
    [property: Id(4)] long Conflicted,
    [property: Id(5)] long Tombstones,
    [property: Id(6)] long ResolvedConflicts,
    [property: Id(7)] DateTimeOffset? LastAgreement);

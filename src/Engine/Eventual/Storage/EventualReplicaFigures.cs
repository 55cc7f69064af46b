using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>What an eventual replica holds.</summary>
/// <param name="Keys">Keys, those included of which only a tombstone is left.</param>
/// <param name="Bytes">Bytes of keys and states.</param>
/// <param name="Conflicted">Keys with more than one sibling.</param>
/// <param name="Mortal">Keys that are deleted or will expire.</param>
/// <param name="Conflicts">Conflicts that ended here.</param>
/// <param name="LastLsn">Last record of its log.</param>
/// <param name="Standing">What it knows of itself.</param>
/// <param name="Root">Root of its tree: equal on replicas that agree.</param>
/// <param name="Status">What its log can do.</param>
/// <param name="StatusReason">Why it is not healthy; null when it is.</param>
public sealed record EventualReplicaFigures(
    long Keys, long Bytes, long Conflicted, long Mortal, long Conflicts, Lsn LastLsn, ReplicaStanding Standing, ulong Root, WalStatus Status, string? StatusReason)
{
    /// <summary>Bytes around each key and its state in memory: three arrays, an entry in a leaf, what is known of the state.</summary>
    private const int OverheadPerKey = 200;

    /// <summary>Memory of the states, estimated.</summary>
    public long AllocatedBytes => Bytes + (Keys * OverheadPerKey);
}

using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>What a replica holds, at one moment.</summary>
/// <param name="LastLsn">Last durable record.</param>
/// <param name="Keys">Keys with a retained version.</param>
/// <param name="Versions">Retained versions.</param>
/// <param name="PayloadBytes">Bytes of keys and values of all retained versions.</param>
/// <param name="AllocatedBytes">Bytes of memory behind them.</param>
/// <param name="GcThreshold">Nothing below it can be read.</param>
/// <param name="Status">Condition of the log.</param>
/// <param name="StatusDetail">What is wrong with it; null when nothing is.</param>
public readonly record struct RangeReplicaFigures(
    Lsn LastLsn,
    long Keys,
    long Versions,
    long PayloadBytes,
    long AllocatedBytes,
    Timestamp GcThreshold,
    WalStatus Status,
    string? StatusDetail);

namespace GrainDb.Engine.Replication;

/// <summary>
/// Bounds of what may wait for its flush, that being flushed included. At a bound a record is refused; nothing that was
/// accepted is dropped. A single record larger than the byte bound is accepted when nothing else waits.
/// </summary>
/// <param name="MaxPendingBytes">Encoded bytes.</param>
/// <param name="MaxPendingRecords">Records.</param>
public sealed record GroupCommitOptions(int MaxPendingBytes, int MaxPendingRecords)
{
    /// <summary>8 MiB or 16384 records.</summary>
    public static readonly GroupCommitOptions Default = new(8 << 20, 16 << 10);
}

namespace GrainDb.Engine.Wal;

/// <summary>Sizes of one log. The defaults suit nodes that host from one to some hundred ranges.</summary>
public sealed record WalOptions
{
    /// <summary>The defaults.</summary>
    public static readonly WalOptions Default = new();

    /// <summary>Lower bound of <see cref="FirstSegmentBytes"/>.</summary>
    public const int SmallestSegmentBytes = 512;

    /// <summary>Allocation of a log's first segment; each next one is twice as large. Small, because most of a node's ranges stay small.</summary>
    public int FirstSegmentBytes { get; init; } = 256 << 10;

    /// <summary>Largest allocation of a segment. Only a batch that is larger still gets a segment of its own size.</summary>
    public int MaxSegmentBytes { get; init; } = 16 << 20;

    /// <summary>A checkpoint is due when the log since the last one exceeds this, and the size of the state or of that checkpoint.</summary>
    public long MinCheckpointBytes { get; init; } = 16 << 20;

    /// <summary>
    /// Room that segments leave on the volume, so that checkpoints, which let the log shrink, and hard states still fit when
    /// the log must stop. Half of it may go to first records of leaders, without which nothing can be read.
    /// </summary>
    public long ReservedFreeBytes { get; init; } = 4 << 20;

    internal void Check(string parameterName)
    {
        if (FirstSegmentBytes < SmallestSegmentBytes || MaxSegmentBytes < FirstSegmentBytes || MaxSegmentBytes > WalBatch.MaxBytes)
            throw new ArgumentException($"segment sizes must lie between {SmallestSegmentBytes} and {WalBatch.MaxBytes}, the first not above the largest", parameterName);
        if (MinCheckpointBytes < 0 || ReservedFreeBytes < 0) throw new ArgumentException("sizes must not be negative", parameterName);
    }
}

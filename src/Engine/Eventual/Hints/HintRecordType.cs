namespace GrainDb.Engine.Eventual;

/// <summary>What a record of a node's hint log does. The numbers are in files: never reuse one.</summary>
internal static class HintRecordType
{
    /// <summary>Keeps a hint; payload: <see cref="StoredHint"/>.</summary>
    public const byte Keep = 1;

    /// <summary>Lets hints go; payload: varint count, u64 LSN of each.</summary>
    public const byte Release = 2;

    /// <summary>A target lacks hints; payload: <see cref="HintTarget"/>.</summary>
    public const byte Lost = 3;

    /// <summary>It knows; payload: <see cref="HintTarget"/>.</summary>
    public const byte Told = 4;

    /// <summary>Hints of a partition below an epoch are refused; payload: i64 partition, i64 epoch.</summary>
    public const byte Closed = 5;
}

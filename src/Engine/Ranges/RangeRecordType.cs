namespace GrainDb.Engine.Ranges;

/// <summary>What a record of a range's log does. The numbers are in files and on the wire: never reuse one.</summary>
public static class RangeRecordType
{
    /// <summary>First record of a leader's epoch; payload: low-water timestamp, 8 bytes little-endian.</summary>
    public const byte LeaderStart = 1;

    /// <summary>Writes of one commit; payload: <see cref="RangeWriteCodec"/>.</summary>
    public const byte Write = 2;

    /// <summary>Raises the GC threshold; payload: the threshold, 8 bytes little-endian.</summary>
    public const byte GcThreshold = 3;
}

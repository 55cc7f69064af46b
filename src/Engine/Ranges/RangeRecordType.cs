namespace GrainDb.Engine.Ranges;

/// <summary>What a record of a range's log does. The numbers are in files and on the wire: never reuse one.</summary>
public static class RangeRecordType
{
    /// <summary>First record of a leader's epoch; payload: low-water timestamp, 8 bytes little-endian, then the configuration in force.</summary>
    public const byte LeaderStart = 1;

    /// <summary>Writes of one commit; payload: <see cref="RangeWriteCodec"/>.</summary>
    public const byte Write = 2;

    /// <summary>Raises the GC threshold; payload: the threshold, 8 bytes little-endian.</summary>
    public const byte GcThreshold = 3;

    /// <summary>Who votes from here on; payload: <see cref="Replication.ConfigurationCodec"/>.</summary>
    public const byte Configuration = 4;

    /// <summary>Intents and locks of a transaction; payload: <see cref="Transactions.PrepareCodec"/>.</summary>
    public const byte Prepare = 5;

    /// <summary>Decisions on transactions; payload: <see cref="Transactions.ResolveCodec"/>.</summary>
    public const byte Resolve = 6;

    /// <summary>Writes of one commit that is remembered; payload: <see cref="Transactions.CommitCodec"/>.</summary>
    public const byte Commit = 7;

    /// <summary>Bytes of a <see cref="LeaderStart"/> before its configuration.</summary>
    internal const int LeaderStartHeaderBytes = 8;
}

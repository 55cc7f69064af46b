namespace GrainDb.Engine.Eventual;

/// <summary>What a record of an eventual replica's log does. The numbers are in files: never reuse one.</summary>
internal static class EventualRecordType
{
    /// <summary>The replica's standing from here on; payload: <see cref="ReplicaStanding"/>.</summary>
    public const byte Standing = 1;

    /// <summary>The state of a key from here on; payload: varint length, key, then the state.</summary>
    public const byte State = 2;

    /// <summary>A conflict ended; payload: <see cref="ConflictRecordCodec"/>.</summary>
    public const byte Conflict = 3;

    /// <summary>Keys are forgotten; payload: varint count, each varint length, key.</summary>
    public const byte Forget = 4;

    /// <summary>A write that may be repeated was carried out, in the same batch; payload: <see cref="RequestResultCodec"/>.</summary>
    public const byte Request = 5;

    /// <summary>Conflicts that one write ended are not listed any more; payload: varint length, key · 16 bytes actor · varint counter (winner).</summary>
    public const byte Dismiss = 6;
}

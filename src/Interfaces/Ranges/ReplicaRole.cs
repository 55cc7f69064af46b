namespace GrainDb.Interfaces.Ranges;

/// <summary>What a replica is to its range.</summary>
public enum ReplicaRole : byte
{
    /// <summary>Follows the log.</summary>
    Follower,

    /// <summary>Holds the epoch and serves.</summary>
    Leader,
}

/// <summary>The condition of a replica.</summary>
public enum ReplicaState : byte
{
    /// <summary>Not in memory; its files are the state.</summary>
    Idle,

    /// <summary>Takes part.</summary>
    Member,

    /// <summary>Takes data but does not vote.</summary>
    Recovering,

    /// <summary>The disk is full: reads go on, writes are refused until space returns.</summary>
    ReadOnly,

    /// <summary>A file is damaged or missing, or the disk failed: nothing is served.</summary>
    Broken,

    /// <summary>Its node did not answer.</summary>
    Unreachable,
}

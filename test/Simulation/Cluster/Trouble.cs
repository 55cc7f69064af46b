namespace GrainDb.Simulation.Cluster;

/// <summary>What goes wrong on purpose.</summary>
internal enum Trouble
{
    /// <summary>The nodes fall into two groups that do not hear of each other.</summary>
    Partition,

    /// <summary>One link carries nothing in one direction.</summary>
    OneWayCut,

    /// <summary>Nobody reaches one node, clients neither.</summary>
    Isolate,

    /// <summary>The process is killed; the system's cache stays.</summary>
    Kill,

    /// <summary>The machine stops; what was not synced is lost in part.</summary>
    PowerLoss,

    /// <summary>All machines stop at once.</summary>
    TotalPowerLoss,

    /// <summary>The process stands still and then goes on as if nothing had been.</summary>
    Pause,

    /// <summary>Another leader is placed while one leads.</summary>
    SecondLeader,

    /// <summary>The leader is asked to stop, and another placed.</summary>
    Transfer,

    /// <summary>A wall clock jumps, within the bound.</summary>
    ClockJump,

    /// <summary>A sync fails.</summary>
    SyncFailure,

    /// <summary>The disk is full for a while.</summary>
    DiskFull,

    /// <summary>A bit of a file flips while its node is down.</summary>
    BitFlip,

    /// <summary>The hard states of a node's replicas are gone when it comes back, and their logs are there.</summary>
    LoseHardStates,

    /// <summary>A node comes back without its data.</summary>
    Wipe,

    /// <summary>A checkpoint is written, and the log before it dropped.</summary>
    Checkpoint,

    /// <summary>A voter is replaced.</summary>
    ChangeVoters,

    /// <summary>
    /// Clients still reach the leader, the other nodes do not, or only some do; another leader is placed at once, and replicas may have
    /// restarted meanwhile. What leases are for.
    /// </summary>
    CutOffLeader,

    /// <summary>A voter is replaced, and leader and newcomer are cut off from the others in the middle of it. What two majorities are for.</summary>
    CutOffChange,
}

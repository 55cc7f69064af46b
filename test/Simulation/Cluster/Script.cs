namespace GrainDb.Simulation.Cluster;

/// <summary>Courses of events that chance alone finds too rarely; each is the way in which one error of the protocol shows.</summary>
internal enum Script
{
    /// <summary>None: chance.</summary>
    None,

    /// <summary>The leader is cut off while its lease runs, others may restart, and another is placed at once.</summary>
    StaleLease,

    /// <summary>As before, after two transfers whose releases come late.</summary>
    LateRelease,

    /// <summary>A leader that was cut off comes back with records that nobody else has, just when its successor begins, and the successor loses everybody else.</summary>
    LooseEnd,

    /// <summary>Figure 8 of the Raft paper: an old record reaches a majority under a later leader that gets no record of its own that far.</summary>
    FigureEight,

    /// <summary>Leadership goes to and fro between nodes whose clocks differ as much as they may; whoever stopped is cut off when it has said so.</summary>
    Transfers,

    /// <summary>A candidate that is behind asks for records of a replica that has come to follow a later leader since its promise.</summary>
    SourceMovesOn,

    /// <summary>A voter that missed a change of the voters stands with the promises of the old ones.</summary>
    OldVoters,

    /// <summary>Decisions of coordinators are so long on their way that their transactions are aborted, or aborted and forgotten, when they arrive.</summary>
    LateDecision,

    /// <summary>Ranges of the same transactions are on different nodes, whose clocks differ as much as they may and hear nothing of each other but through transactions.</summary>
    ClocksApart,
}

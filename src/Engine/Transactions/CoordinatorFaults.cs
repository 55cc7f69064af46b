namespace GrainDb.Engine.Transactions;

/// <summary>
/// Deliberate errors, named as in the model of the protocol where that has them. Production code never sets one: each is a branch that a test
/// takes to prove that its checks notice.
/// </summary>
[Flags]
internal enum CoordinatorFaults
{
    None = 0,

    /// <summary>Participants are told of the commit before it is decided.</summary>
    ResolveBeforeDecision = 1 << 0,

    /// <summary>No record is written.</summary>
    ForgetDecisionRecord = 1 << 1,

    /// <summary>The client is told of the commit before it is decided.</summary>
    AckBeforeDecision = 1 << 2,

    /// <summary>The sweeper deletes records whose transactions it has not resolved, before their deadline.</summary>
    DeleteRecordEarly = 1 << 3,

    /// <summary>The snapshot moves up whatever has changed.</summary>
    SkipRefresh = 1 << 4,

    /// <summary>The commit timestamp is the lowest of the prepare timestamps.</summary>
    LowestTimestamp = 1 << 5,

    /// <summary>Recovery resolves backward what it finds undecided, and writes no record.</summary>
    RecoverWithoutRecord = 1 << 6,

    /// <summary>What a serializable transaction read is not validated.</summary>
    NoReadValidation = 1 << 7,

    /// <summary>A prepare that was not answered counts as prepared.</summary>
    AssumePrepared = 1 << 8,
}

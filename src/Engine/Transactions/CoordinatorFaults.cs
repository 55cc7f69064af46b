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

    /// <summary>The anchor is told that a commit is settled before the others have confirmed it.</summary>
    SettleEarly = 1 << 1,

    /// <summary>The client is told of the commit before it is decided.</summary>
    AckBeforeDecision = 1 << 2,

    /// <summary>The snapshot moves up whatever has changed.</summary>
    SkipRefresh = 1 << 4,

    /// <summary>The anchor is not told of the others' prepare timestamps.</summary>
    ForgetPrepareTimestamps = 1 << 5,

    /// <summary>Recovery resolves backward what is old, and asks nobody.</summary>
    RecoverWithoutAnchor = 1 << 6,

    /// <summary>What a serializable transaction read is not validated.</summary>
    NoReadValidation = 1 << 7,

    /// <summary>A prepare that was not answered counts as prepared.</summary>
    AssumePrepared = 1 << 8,
}

namespace GrainDb.Engine.Transactions;

/// <summary>
/// Deliberate errors in a range's part in transactions, named as in the model of commits. Production code never sets one: each is a branch that a test
/// takes to prove that its checks notice.
/// </summary>
[Flags]
internal enum TransactionFaults
{
    None = 0,

    /// <summary>Reads do not wait for intents.</summary>
    ReadPastIntent = 1 << 0,

    /// <summary>A read at a timestamp leaves the clock below it.</summary>
    NoWatermark = 1 << 1,

    /// <summary>A prepare or commit may get a timestamp at or below its transaction's snapshot.</summary>
    BelowReadTimestamp = 1 << 2,

    /// <summary>Carrying out a commit does not raise the clock above its timestamp.</summary>
    NoRaise = 1 << 3,

    /// <summary>A prepare is taken although its transaction is known to be decided.</summary>
    LatePrepare = 1 << 4,

    /// <summary>Nothing is refused after a deadline.</summary>
    NoDeadline = 1 << 5,

    /// <summary>Versions above a snapshot are never uncertain.</summary>
    SkipUncertainty = 1 << 6,

    /// <summary>Closed time and followers' snapshots do not stop at undecided intents.</summary>
    ForgetIntentInClosed = 1 << 7,

    /// <summary>What changed is called complete up to the clock, whatever stands undecided.</summary>
    FeedPastIntent = 1 << 8,

    /// <summary>A range that is asked what it decided for others does not know it any more.</summary>
    ForgetDecision = 1 << 9,

    /// <summary>A commit that is decided for others may get a timestamp at or below their prepare timestamps.</summary>
    AnchorBelowPrepares = 1 << 10,

    /// <summary>A commit that holds intents elsewhere waits for anybody here.</summary>
    AnchorWaits = 1 << 11,
}

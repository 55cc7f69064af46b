using GrainDb.Engine.Transactions;

namespace GrainDb.Engine.Replication;

/// <summary>Times and bounds of replication; the same on every node of a cluster.</summary>
public sealed record ReplicationOptions
{
    /// <summary>The defaults.</summary>
    public static readonly ReplicationOptions Default = new();

    /// <summary>How long a follower keeps others from leading after it heard from its leader. All of safety that depends on time is in it.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a leader renews its lease where nothing else does. Below a third of <see cref="LeaseDuration"/>.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>By how much a leader's lease ends before its followers' grants: covers clocks that run at different speeds.</summary>
    public TimeSpan DriftMargin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How far closed timestamps stay behind the leader's clock.</summary>
    public TimeSpan ClosedLag { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long one attempt to become leader may take, with the wait for another leader's lease.</summary>
    public TimeSpan CampaignTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a read or write waits for a quorum to confirm an epoch whose lease ran out.</summary>
    public TimeSpan ConfirmTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a leader that stops waits for what is on its way.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the log waits for a follower that fell silent before it lets go what that one lacks.</summary>
    public TimeSpan RetainFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the own disk may take over one batch before a leader leaves its range to others: without its disk it commits nothing, and its heartbeats would keep everybody else from leading.</summary>
    public TimeSpan MaxDiskStall { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Bytes of log that a leader keeps at most for followers that lack it, whatever they answer: one whose disk is full answers for days. Behind it a follower gets a snapshot. To within a
    /// segment; the log since the older of the two checkpoints is kept anyway.
    /// </summary>
    public long MaxRetainedBytes { get; init; } = 1L << 30;

    /// <summary>Bytes of snapshots in a second, at most, of one leader for one replica.</summary>
    public long MaxSnapshotBytesPerSecond { get; init; } = 64 << 20;

    /// <summary>How long a log rests at most between two batches while records keep coming (<see cref="BatchRest"/>): what a record may wait for company, and what a timer is late. Zero for never.</summary>
    public TimeSpan LongestBatchRest { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Pause before a replica that gave no answer, or could not write, is tried again.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Bytes of records in one append to a replica that is behind. A single larger record goes alone.</summary>
    public int MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>Bytes of the newest records that a leader keeps in memory for its followers.</summary>
    public int MaxWindowBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of records that a follower keeps in memory until they are committed.</summary>
    public int MaxUnappliedBytes { get; init; } = 8 << 20;

    /// <summary>Deliberate errors, to prove that the simulator sees them.</summary>
    internal ReplicationFaults Faults { get; init; }

    /// <summary>The same of a range's part in transactions.</summary>
    internal TransactionFaults TransactionFaults { get; init; }

    internal bool Has(ReplicationFaults fault) => Faults.HasFlag(fault);

    internal bool Has(TransactionFaults fault) => TransactionFaults.HasFlag(fault);
}

/// <summary>
/// Deliberate errors, named as in the models of the protocol. Production code never sets one: each is a branch that a test of the
/// simulator takes to prove that its checkers notice.
/// </summary>
[Flags]
internal enum ReplicationFaults
{
    None = 0,

    /// <summary>No second look at the quorum under the adopted log's configuration.</summary>
    NoRecheck = 1 << 0,

    /// <summary>A joint configuration needs the majority of its incoming voters only.</summary>
    SingleMajority = 1 << 1,

    /// <summary>Records of older epochs count as committed by their copies.</summary>
    OldEpochCommit = 1 << 2,

    /// <summary>A restarted replica promises at once.</summary>
    NoRestartWait = 1 << 3,

    /// <summary>A release of any epoch ends the wait.</summary>
    AnyRelease = 1 << 4,

    /// <summary>A candidate asks others before its own promise is durable.</summary>
    NoSelfPromise = 1 << 5,

    /// <summary>A fetch is served whatever was promised since, and its records are taken whatever their epoch.</summary>
    UnfencedFetch = 1 << 6,

    /// <summary>An append truncates what lies behind its end, also when everything matches.</summary>
    TruncateAlways = 1 << 7,

    /// <summary>An append is acknowledged up to the end of the log rather than of what it verified.</summary>
    AckLastLsn = 1 << 8,

    /// <summary>A follower's commit position runs ahead of what it verified.</summary>
    CommitUnverified = 1 << 9,

    /// <summary>An append is acknowledged before it is durable.</summary>
    AckBeforeSync = 1 << 10,

    /// <summary>Half of the voters are taken for a majority.</summary>
    MajorityOffByOne = 1 << 11,

    /// <summary>An append of a lower epoch is taken.</summary>
    SkipEpochCheck = 1 << 12,

    /// <summary>A promise is given while another leader's lease runs.</summary>
    ForgetLease = 1 << 13,

    /// <summary>A replica that may have forgotten something promises and acknowledges.</summary>
    RecoveringVotes = 1 << 14,

    /// <summary>Reads are served without a look at the lease.</summary>
    ReadWithoutLease = 1 << 15,

    /// <summary>Closed timestamps do not look at what is on its way.</summary>
    CloseTooEarly = 1 << 16,

    /// <summary>A successor begins at its own clock, whatever was read before.</summary>
    NoLowWater = 1 << 17,
}

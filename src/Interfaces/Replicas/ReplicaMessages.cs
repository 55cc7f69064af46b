using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Replicas;

/// <summary>A candidate asks a replica to accept no lower epoch any more.</summary>
[GenerateSerializer, Immutable, Alias("graindb.promise-request")]
public sealed record PromiseRequest
{
    /// <summary>Id of the replica that is meant; another one on the same node refuses.</summary>
    [Id(0)]
    public required Guid Replica { get; init; }

    /// <summary>The epoch for which the candidate stands.</summary>
    [Id(1)]
    public required Epoch Epoch { get; init; }

    /// <summary>The candidate.</summary>
    [Id(2)]
    public required Candidate Candidate { get; init; }

    /// <summary>The sender's clock.</summary>
    [Id(3)]
    public Timestamp Clock { get; init; }

    /// <summary>Whether the candidate only wants to know: the answer is what it would be, and nothing is promised.</summary>
    [Id(4)]
    public bool IsTrial { get; init; }
}

/// <summary>Whether a promise was given, and why not.</summary>
public enum PromiseOutcome : byte
{
    /// <summary>Given, durably.</summary>
    Granted,

    /// <summary>A higher epoch, or this one to another candidate, is promised already.</summary>
    HigherEpoch,

    /// <summary>Another leader's lease is running.</summary>
    LeaseRunning,

    /// <summary>It may have granted a lease before its restart, and waits that out.</summary>
    Restarted,

    /// <summary>It may have forgotten records and has no vote now.</summary>
    Recovering,

    /// <summary>There is no such replica here, or its files are lost for good.</summary>
    UnknownReplica,

    /// <summary>It cannot write now (disk full), or its clock refuses the sender's.</summary>
    Unable,
}

/// <summary>Answer to <see cref="PromiseRequest"/>. A refusal changed nothing.</summary>
[GenerateSerializer, Immutable, Alias("graindb.promise-answer")]
public sealed record PromiseAnswer
{
    /// <summary>Granted or why not.</summary>
    [Id(0)]
    public required PromiseOutcome Outcome { get; init; }

    /// <summary>Granted: epoch of the last record of its log.</summary>
    [Id(1)]
    public Epoch LastEpoch { get; init; }

    /// <summary>Granted: the last record of its log.</summary>
    [Id(2)]
    public Lsn LastLsn { get; init; }

    /// <summary>Granted: what it knows to be committed.</summary>
    [Id(3)]
    public Lsn CommitLsn { get; init; }

    /// <summary>Granted: largest timestamp up to which a leader may have served reads on its grant.</summary>
    [Id(4)]
    public Timestamp MaxLeaseTimestamp { get; init; }

    /// <summary>Granted: its closed timestamp.</summary>
    [Id(5)]
    public Timestamp Closed { get; init; }

    /// <summary>The epoch that it has promised.</summary>
    [Id(6)]
    public Epoch PromisedEpoch { get; init; }

    /// <summary><see cref="PromiseOutcome.LeaseRunning"/> and <see cref="PromiseOutcome.Restarted"/>: how much longer.</summary>
    [Id(7)]
    public TimeSpan LeaseRemaining { get; init; }

    /// <summary>The replica's clock.</summary>
    [Id(8)]
    public Timestamp Clock { get; init; }
}

/// <summary>A leader's records for a replica; without records a heartbeat.</summary>
[GenerateSerializer, Immutable, Alias("graindb.append-request")]
public sealed record AppendRequest
{
    /// <summary>Id of the replica that is meant.</summary>
    [Id(0)]
    public required Guid Replica { get; init; }

    /// <summary>The leader's epoch.</summary>
    [Id(1)]
    public required Epoch Epoch { get; init; }

    /// <summary>The leader.</summary>
    [Id(2)]
    public required Candidate Leader { get; init; }

    /// <summary>The position before the first record.</summary>
    [Id(3)]
    public Lsn PrevLsn { get; init; }

    /// <summary>The epoch of the record there.</summary>
    [Id(4)]
    public Epoch PrevEpoch { get; init; }

    /// <summary>Encoded records as they are in the leader's log, dense, from <c>PrevLsn + 1</c> on.</summary>
    [Id(5)]
    public ReadOnlyMemory<byte> Records { get; init; }

    /// <summary>What the leader knows to be committed.</summary>
    [Id(6)]
    public Lsn CommitLsn { get; init; }

    /// <summary>Once everything up to the end of this append is applied, no commit at or below it can still appear.</summary>
    [Id(7)]
    public Timestamp Closed { get; init; }

    /// <summary>The leader may serve reads up to it while a quorum has acknowledged it.</summary>
    [Id(8)]
    public Timestamp LeaseTimestamp { get; init; }

    /// <summary>The leader's clock.</summary>
    [Id(9)]
    public Timestamp Clock { get; init; }

    /// <summary>
    /// For a replica that recovers: it may vote again when it holds everything up to here. Zero: the leader has not confirmed
    /// its epoch since it learned of the recovery.
    /// </summary>
    [Id(10)]
    public Lsn RejoinLsn { get; init; }

    /// <summary>The recovery that <see cref="RejoinLsn"/> ends, as <see cref="AppendAnswer.Recovery"/> named it.</summary>
    [Id(11)]
    public Guid Recovery { get; init; }

    /// <summary>The replica's log ended before something that it had acknowledged to this leader: a member gives its vote up, durably, and recovers.</summary>
    [Id(12)]
    public bool HasForgotten { get; init; }
}

/// <summary>What became of an append.</summary>
public enum AppendOutcome : byte
{
    /// <summary>Everything up to <see cref="AppendAnswer.DurableLsn"/> is durable and equals the leader's log.</summary>
    Accepted,

    /// <summary>A higher epoch is promised: the sender is deposed.</summary>
    Refused,

    /// <summary>The log ends before <see cref="AppendRequest.PrevLsn"/>: send from <see cref="AppendAnswer.NextLsn"/>.</summary>
    Gap,

    /// <summary>The record at <see cref="AppendRequest.PrevLsn"/> differs: send from <see cref="AppendAnswer.NextLsn"/> or lower.</summary>
    Conflict,

    /// <summary>As accepted, but nothing counts until it holds everything up to the rejoin LSN that the leader has to name.</summary>
    Recovering,

    /// <summary>It cannot write now (disk full), or its clock refuses the sender's. Try again later.</summary>
    Unable,

    /// <summary>There is no such replica here, and there never will be again.</summary>
    UnknownReplica,
}

/// <summary>Answer to <see cref="AppendRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("graindb.append-answer")]
public sealed record AppendAnswer
{
    /// <summary>What became of it.</summary>
    [Id(0)]
    public required AppendOutcome Outcome { get; init; }

    /// <summary>
    /// <see cref="AppendRequest.PrevLsn"/> plus the records of this append: what was verified, never simply the last LSN of the log.
    /// </summary>
    [Id(1)]
    public Lsn DurableLsn { get; init; }

    /// <summary>Where the leader should go on sending.</summary>
    [Id(2)]
    public Lsn NextLsn { get; init; }

    /// <summary>The epoch that it has promised.</summary>
    [Id(3)]
    public Epoch PromisedEpoch { get; init; }

    /// <summary>The last record that it has applied.</summary>
    [Id(4)]
    public Lsn AppliedLsn { get; init; }

    /// <summary>The replica's clock.</summary>
    [Id(5)]
    public Timestamp Clock { get; init; }

    /// <summary>What is wrong, for a person; null when nothing is.</summary>
    [Id(6)]
    public string? Detail { get; init; }

    /// <summary><see cref="AppendOutcome.Recovering"/>: which recovery, so that a late word on an earlier one ends nothing.</summary>
    [Id(7)]
    public Guid Recovery { get; init; }
}

/// <summary>A candidate takes over the records of the best log that it was promised.</summary>
/// <param name="Replica">Id of the replica that is meant.</param>
/// <param name="Epoch">Served only while the replica's promise is to this epoch</param>
/// <param name="Candidate">and to this candidate.</param>
/// <param name="From">First record wanted.</param>
/// <param name="MaxBytes">Bound of the answer; at least one record is sent.</param>
[GenerateSerializer, Immutable, Alias("graindb.fetch-request")]
public sealed record FetchRequest(
    [property: Id(0)] Guid Replica,
    [property: Id(1)] Epoch Epoch,
    [property: Id(2)] Candidate Candidate,
    [property: Id(3)] Lsn From,
    [property: Id(4)] int MaxBytes);

/// <summary>Answer to <see cref="FetchRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("graindb.fetch-answer")]
public sealed record FetchAnswer
{
    /// <summary>Whether the promise still stands; without it there is nothing else.</summary>
    [Id(0)]
    public required bool IsServed { get; init; }

    /// <summary>Encoded records from <see cref="FetchRequest.From"/> on; empty at the end of the log, or when truncated.</summary>
    [Id(1)]
    public ReadOnlyMemory<byte> Records { get; init; }

    /// <summary>Epoch of the record just before <see cref="FetchRequest.From"/>.</summary>
    [Id(2)]
    public Epoch PrevEpoch { get; init; }

    /// <summary>The log begins only behind <see cref="FetchRequest.From"/>: who is that far behind must let another node lead.</summary>
    [Id(3)]
    public bool IsTruncated { get; init; }
}

/// <summary>One block of a checkpoint on its way to another replica.</summary>
[GenerateSerializer, Immutable, Alias("graindb.snapshot-chunk")]
public sealed record SnapshotChunk
{
    /// <summary>Id of the replica that is meant.</summary>
    [Id(0)]
    public required Guid Replica { get; init; }

    /// <summary>Epoch and leader (or candidate) that send it.</summary>
    [Id(1)]
    public required Epoch Epoch { get; init; }

    /// <summary>The sender.</summary>
    [Id(2)]
    public required Candidate Sender { get; init; }

    /// <summary>The state holds every record up to and including it.</summary>
    [Id(3)]
    public required Lsn Lsn { get; init; }

    /// <summary>Epoch of that record.</summary>
    [Id(4)]
    public required Epoch LsnEpoch { get; init; }

    /// <summary>Largest timestamp of the log up to it.</summary>
    [Id(5)]
    public required Timestamp Timestamp { get; init; }

    /// <summary>The checkpoint's own header data (configuration and the like).</summary>
    [Id(6)]
    public ReadOnlyMemory<byte> Meta { get; init; }

    /// <summary>Number of this block, from 0.</summary>
    [Id(7)]
    public required int Index { get; init; }

    /// <summary>Number of blocks.</summary>
    [Id(8)]
    public required int Count { get; init; }

    /// <summary>CRC-32C of <see cref="Block"/>.</summary>
    [Id(9)]
    public required uint Crc { get; init; }

    /// <summary>The block.</summary>
    [Id(10)]
    public required ReadOnlyMemory<byte> Block { get; init; }
}

/// <summary>Answer to <see cref="SnapshotChunk"/>.</summary>
/// <param name="Outcome">Accepted, Refused, Unable or UnknownReplica.</param>
/// <param name="NextIndex">The chunk wanted next; the count when everything is installed, durably.</param>
/// <param name="PromisedEpoch">The epoch that it has promised.</param>
[GenerateSerializer, Immutable, Alias("graindb.snapshot-answer")]
public sealed record SnapshotAnswer([property: Id(0)] AppendOutcome Outcome, [property: Id(1)] int NextIndex, [property: Id(2)] Epoch PromisedEpoch);

/// <summary>A leader stops: nobody needs to wait for its lease. Counts only while the epoch is the promised one.</summary>
/// <param name="Replica">Id of the replica that is meant.</param>
/// <param name="Epoch">The epoch that ends.</param>
/// <param name="LowWater">The largest timestamp that the leader served or wrote.</param>
[GenerateSerializer, Immutable, Alias("graindb.release")]
public sealed record ReleaseNotice([property: Id(0)] Guid Replica, [property: Id(1)] Epoch Epoch, [property: Id(2)] Timestamp LowWater)
{
    /// <summary>The node that is asked to lead next; empty when none is. A hint: whoever follows the leader finds the next one at once.</summary>
    [Id(3)]
    public string Heir { get; init; } = "";
}

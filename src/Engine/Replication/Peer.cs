using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>What a leader knows of another replica. At most one append, fetch or snapshot block is on its way to it. The owner synchronizes.</summary>
internal sealed class Peer(ReplicaDescriptor replica, Lsn next)
{
    public ReplicaDescriptor Replica { get; } = replica;

    /// <summary>First record to send next.</summary>
    public Lsn Next { get; set; } = next;

    /// <summary>Everything up to here is durable there and equals this leader's log; falls only where it turns out that the replica forgot what it acknowledged.</summary>
    public Lsn Match { get; set; }

    /// <summary>What it has applied, as it said last.</summary>
    public Lsn Applied { get; set; }

    /// <summary>A request is on its way.</summary>
    public bool InFlight { get; set; }

    /// <summary>When the last request left, and its number in the order of sending.</summary>
    public long SentAt { get; set; }

    public long SentNumber { get; set; }

    /// <summary>Of the newest acknowledged request: when it left, its number, and the lease timestamp in it.</summary>
    public long AckedAt { get; set; }

    public long AckedNumber { get; set; }

    public Timestamp AckedLease { get; set; }

    /// <summary>When any answer of it came last; zero for never.</summary>
    public long HeardAt { get; set; }

    /// <summary>It gave no answer: it is asked where it stands before anything is read for it.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Not before this moment.</summary>
    public long RetryAt { get; set; }

    /// <summary>It said that it is not there and never will be again.</summary>
    public bool IsLost { get; set; }

    /// <summary>Its log ended before <see cref="Match"/>, and it has not said yet that it recovers.</summary>
    public bool HasForgotten { get; set; }

    /// <summary>The recovery that it is in; empty when it votes.</summary>
    public Guid Recovery { get; set; }

    /// <summary>Number of the last request sent when the leader learned of the recovery: only a confirmation by later ones counts.</summary>
    public long RecoveryAskedAt { get; set; }

    /// <summary>It votes again when it holds everything up to here; zero while the leader has not confirmed its epoch.</summary>
    public Lsn RejoinLsn { get; set; }

    /// <summary>Blocks of snapshots that it took.</summary>
    public long SnapshotBlocks { get; set; }

    /// <summary>What it answered last; null when it gave no answer.</summary>
    public AppendOutcome? LastOutcome { get; set; }

    /// <summary>What it said of its trouble.</summary>
    public string? Detail { get; set; }
}

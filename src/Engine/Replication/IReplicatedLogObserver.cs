using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// Learns what became of a leader's records. One call at a time, in LSN order, never under a lock of <see cref="ReplicatedLog"/>; so it may take
/// the lock under which its owner enqueues.
/// </summary>
internal interface IReplicatedLogObserver
{
    /// <summary>The records from <paramref name="first"/> to <paramref name="last"/> are committed: apply them.</summary>
    /// <returns>Completes the waiters, or null. It runs after the next batch was started; completions of two batches may run at the same time.</returns>
    Action? OnCommitted(Lsn first, Lsn last);

    /// <summary>
    /// Nothing pending will be answered as committed. Records from <paramref name="firstNotCommitted"/> up to, but not including,
    /// <paramref name="firstNotSent"/> have an unknown outcome; those from <paramref name="firstNotSent"/> on are in no log and never will be.
    /// </summary>
    /// <remarks>
    /// After <see cref="Wal.DiskFullException"/> service goes on (nothing is unknown then): the owner takes back what it derived from these records
    /// before it returns, since their LSNs are given to the next ones. After any other exception leadership is over.
    /// </remarks>
    void OnFailed(Exception exception, Lsn firstNotCommitted, Lsn firstNotSent);
}

/// <summary>Leadership ended because the range follows somebody else.</summary>
public sealed class DeposedException(string message) : Exception(message);

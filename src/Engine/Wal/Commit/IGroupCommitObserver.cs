using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Wal;

/// <summary>
/// Learns what became of enqueued records. Called by the flush loop, one call at a time, in LSN order, never under a lock of
/// <see cref="GroupCommit"/>; so it may take the lock under which its owner calls <see cref="GroupCommit.TryEnqueue(byte, byte, Epoch, GrainDb.Interfaces.Keys.Timestamp, ReadOnlySpan{byte}, out Lsn)"/>.
/// </summary>
public interface IGroupCommitObserver
{
    /// <summary>The records from <paramref name="first"/> to <paramref name="last"/> are durable: apply them.</summary>
    /// <returns>
    /// Completes the waiters, or null. It runs after the next flush was started, on the thread that made these records durable; the
    /// completions of two batches may run at the same time.
    /// </returns>
    Action? OnDurable(Lsn first, Lsn last);

    /// <summary>
    /// Nothing that is pending will become durable. Records from <paramref name="firstNotDurable"/> up to, but not including,
    /// <paramref name="firstNotLogged"/> have an unknown outcome (none, when both are equal); those from
    /// <paramref name="firstNotLogged"/> on, all that were enqueued, are certainly not in the log and never will be.
    /// </summary>
    /// <remarks>
    /// After <see cref="DiskFullException"/> service goes on: the owner takes back what it derived from these records
    /// before it returns, since their LSNs are given to the records that are enqueued next; until it
    /// returns, every record is refused. After any other exception it is over.
    /// </remarks>
    void OnFailed(Exception exception, Lsn firstNotDurable, Lsn firstNotLogged);
}

using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// What a leader promised about the past: once everything up to an LSN is applied, no commit at or below a timestamp can still appear. A
/// mark counts when the replica has applied so far. The owner synchronizes. After a restart nothing is known; the next heartbeat tells.
/// <para>Source: CockroachDB's closed timestamps (RFC 20191108), with the mark carried by the append instead of the record.</para>
/// </summary>
internal sealed class ClosedTimestamps
{
    /// <summary>Marks that may wait; beyond it the oldest one is given up, which only delays.</summary>
    private const int MaxPending = 64;

    private readonly Queue<(Lsn Lsn, Timestamp Closed)> _pending = new();

    /// <summary>No commit at or below it can appear any more. Only grows.</summary>
    public Timestamp Closed { get; private set; }

    public void Add(Lsn after, Timestamp closed)
    {
        if (closed <= Closed)
            return;
        if (_pending.Count == MaxPending)
            _pending.Dequeue();
        _pending.Enqueue((after, closed));
    }

    public void Applied(Lsn lsn)
    {
        while (_pending.TryPeek(out var mark) && mark.Lsn <= lsn)
            Closed = Timestamp.Later(Closed, _pending.Dequeue().Closed);
    }

    /// <summary>What is pending spoke of a log that another leader replaced.</summary>
    public void DropPending() => _pending.Clear();
}

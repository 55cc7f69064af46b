using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Applying what is committed, in turns that hold up no append.</summary>
public sealed partial class ReplicaAcceptor
{
    /// <summary>Records applied under one hold of the gate.</summary>
    private const int ApplySliceRecords = 256;

    /// <summary>Records, and bytes of their payloads, applied in one turn: a backlog holds up no append.</summary>
    private const int TurnRecords = 4096;
    private const int TurnBytes = 1 << 20;

    /// <summary>How long the next turn of a backlog waits for those who want theirs.</summary>
    private static readonly TimeSpan Courtesy = TimeSpan.FromMilliseconds(2);

    private readonly UnappliedRecords _unapplied = new();

    /// <summary>Whether <see cref="ApplyCommitted"/> has something to do.</summary>
    public bool HasUnapplied
    {
        get
        {
            lock (Replica.Gate)
                return Replica.IsLoaded && Replica.AppliedLsn < _commit;
        }
    }

    /// <summary>Applies what is known to be committed. At any time, also beside the next append; nothing happens while the state is not loaded.</summary>
    /// <exception cref="InvalidDataException">A committed record cannot be understood, or is not in the log. The range must stop.</exception>
    public void ApplyCommitted()
    {
        while (true)
        {
            lock (_turn)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (ApplySome())
                    return;
            }

            if (Volatile.Read(ref _impatient) > 0)
                SpinWait.SpinUntil(() => Volatile.Read(ref _impatient) == 0, Courtesy);
        }
    }

    /// <summary>Brings the state into memory where it is still on the disk (<see cref="Ranges.RangeReplica.Load"/>), and what was committed meanwhile into the state.</summary>
    public void Load()
    {
        Replica.Load();
        ApplyCommitted();
    }

    /// <summary>Applies what the leader on this node knows to be committed, up to an LSN below its own records.</summary>
    internal void CommitAndApply(Lsn upTo)
    {
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            lock (Replica.Gate)
                _commit = upTo > _commit ? upTo : _commit;
        }

        ApplyCommitted();
    }

    /// <summary>The leader on this node applied its own record. Under the replica's gate.</summary>
    internal void NoteOwnCommit(Lsn lsn)
    {
        if (lsn > _commit)
            _commit = lsn;
        _closed.Applied(Replica.AppliedLsn);
    }

    /// <summary>The leader on this node closed a timestamp. Under the replica's gate.</summary>
    internal void NoteOwnClosed(Lsn after, Timestamp closed)
    {
        _closed.Add(after, closed);
        _closed.Applied(Replica.AppliedLsn);
    }

    /// <summary>Applies towards the commit position, from memory where the records are still there, no more than one turn may hold. In the turn.</summary>
    /// <returns>Whether nothing is left.</returns>
    private bool ApplySome()
    {
        if (!Replica.IsLoaded)
            return true;
        var commit = CommitLsn;
        if (Replica.AppliedLsn < commit)
        {
            using var records = _unapplied.From(Replica.AppliedLsn.Next, Replica.Log).GetEnumerator();
            for (var (count, bytes) = (0, 0L); Replica.AppliedLsn < commit && count < TurnRecords && bytes < TurnBytes; count += ApplySliceRecords)
            {
                lock (Replica.Gate)
                {
                    for (var slice = 0; slice < ApplySliceRecords && Replica.AppliedLsn < commit && bytes < TurnBytes; slice++)
                    {
                        if (!records.MoveNext())
                            throw new InvalidDataException($"range {Replica.Range}: record {Replica.AppliedLsn.Next} is committed and not in the log");
                        CheckEpoch(records.Current);
                        Replica.Apply(records.Current);
                        bytes += records.Current.Payload.Length;
                    }
                }
            }

            _unapplied.Applied(Replica.AppliedLsn);
        }

        lock (Replica.Gate)
            _closed.Applied(Replica.AppliedLsn);
        return Replica.AppliedLsn >= commit;
    }

    /// <summary>A record is applied under the epoch that the log says for it, which is never above the promise.</summary>
    private void CheckEpoch(in WalRecord record)
    {
        if (record.Epoch > Replica.Promise.PromisedEpoch)
            throw new InvalidDataException($"range {Replica.Range}: record {record.Lsn} of epoch {record.Epoch} is above the promise {Replica.Promise.PromisedEpoch}");
    }
}

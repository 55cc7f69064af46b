using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Taking a snapshot: blocks of a checkpoint of the leader's, in order, each with its CRC; complete, it replaces log and state.</summary>
public sealed partial class ReplicaAcceptor
{
    private SnapshotInstall? _install;
    private (Lsn Lsn, Epoch Epoch, Candidate Sender) _installing;
    private int _nextBlock;
    private bool _isInstallWhole; // every block is written, and only its place is not free yet

    /// <summary>Takes one block. A transfer that was interrupted goes on where it stood; another sender begins anew.</summary>
    /// <exception cref="WalBrokenException">The log failed: the replica is broken.</exception>
    public SnapshotAnswer ReceiveSnapshot(SnapshotChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        IContender? deposed;
        SnapshotAnswer answer;
        lock (_turn)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (Follow(chunk.Replica, chunk.Epoch, chunk.Sender, chunk.Timestamp, out deposed) is { } refusal)
                return new SnapshotAnswer(refusal, 0, Replica.Promise.PromisedEpoch);
            _leases.LastHeard = _time.GetTimestamp();
            answer = ReceiveInTurn(chunk);
        }

        deposed?.OnDeposed(chunk.Epoch);
        return answer;
    }

    private SnapshotAnswer ReceiveInTurn(SnapshotChunk chunk)
    {
        if (!IsNeeded(chunk))
            return Wanted(chunk.Count);
        if (_install is null || _installing != (chunk.Lsn, chunk.Epoch, chunk.Sender))
        {
            _install?.Dispose();
            (_install, _isInstallWhole) = (null, false);
            _nextBlock = 0;
        }

        if (chunk.Index != _nextBlock || Crc32C.Compute(chunk.Block.Span) != chunk.Crc)
            return Wanted(_nextBlock);
        try
        {
            if (_install is null)
            {
                _install = Replica.Log.BeginInstall(chunk.Lsn, chunk.LsnEpoch, chunk.Timestamp, chunk.Meta);
                _installing = (chunk.Lsn, chunk.Epoch, chunk.Sender);
            }

            if (!_isInstallWhole)
                _install.WriteBlock(chunk.Block.Span);
            if (_nextBlock + 1 < chunk.Count)
                return Wanted(++_nextBlock);
            _isInstallWhole = true;
            return Complete(chunk);
        }
        catch (DiskFullException)
        {
            _install?.Dispose();
            (_install, _isInstallWhole) = (null, false);
            return new SnapshotAnswer(AppendOutcome.Unable, 0, Replica.Promise.PromisedEpoch);
        }
    }

    /// <summary>
    /// Not when the log holds that very position: then records behind it may have been acknowledged, and a late snapshot must not take them away.
    /// </summary>
    private bool IsNeeded(SnapshotChunk chunk) =>
        chunk.Lsn > CommitLsn && (chunk.Lsn > Replica.Log.LastLsn || !Matches(chunk.Lsn, chunk.LsnEpoch));

    private SnapshotAnswer Complete(SnapshotChunk chunk)
    {
        if (!Replica.TryInstall(_install!))
            return new SnapshotAnswer(AppendOutcome.Unable, 0, Replica.Promise.PromisedEpoch); // a checkpoint is being written; the last block comes again, for another attempt

        ReplicationInstruments.SnapshotsInstalled.Add(1);
        (_install, _isInstallWhole) = (null, false);
        _unapplied.TruncateSuffix(Lsn.Zero);
        lock (Replica.Gate)
        {
            _commit = chunk.Lsn;
            _closed.DropPending();
        }

        return Wanted(chunk.Count);
    }

    private SnapshotAnswer Wanted(int next) => new(AppendOutcome.Accepted, next, Replica.Promise.PromisedEpoch);
}

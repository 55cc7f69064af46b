using GrainDb.Engine.Ranges;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <content>Checkpoints of replicas that are in memory.</content>
internal sealed partial class ReplicaHost
{
    /// <summary>Writes a checkpoint of a replica that is in memory, after one that is being written.</summary>
    /// <returns>The LSN that it names; null when it was not written, which the log says why.</returns>
    public Task<Lsn?> CheckpointAsync(RangeId range)
    {
        var slot = SlotOf(range);
        var turn = slot.Checkpoints; // before the replica: that of one that was closed writes nothing
        return slot.Replica is { } replica ? turn.NowAsync((pace, token) => WriteCheckpoint(replica, pace, token)) : Task.FromResult<Lsn?>(null);
    }

    /// <summary>Writes one that nobody waits for, in its time.</summary>
    public Task CheckpointWhenDueAsync(RangeId range, Func<long> bytesPerSecond, CancellationToken stopping)
    {
        var slot = SlotOf(range);
        var turn = slot.Checkpoints; // before the replica
        return slot.Replica is { } replica ? turn.WhenDueAsync((pace, token) => WriteCheckpoint(replica, pace, token), bytesPerSecond, stopping) : Task.CompletedTask;
    }

    private Lsn? WriteCheckpoint(RangeReplica replica, CheckpointPace? pace, CancellationToken cancellationToken)
    {
        try
        {
            return replica.Checkpoint(pace, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException or ObjectDisposedException)
        {
            ReplicaHostLog.CheckpointFailed(logger, exception, replica.Range);
            return null;
        }
    }
}

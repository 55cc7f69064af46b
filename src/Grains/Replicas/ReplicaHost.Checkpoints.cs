using GrainDb.Engine.Ranges;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <content>Checkpoints of replicas that are in memory.</content>
internal sealed partial class ReplicaHost
{
    /// <summary>How often it is looked whether another checkpoint, which hurries, is done.</summary>
    private static readonly TimeSpan OtherCheckpoint = TimeSpan.FromMilliseconds(20);

    /// <summary>Writes a checkpoint of a replica that is in memory, after one that is being written.</summary>
    /// <returns>The LSN that it names; null when it was not written.</returns>
    public async Task<Lsn?> CheckpointAsync(RangeId range)
    {
        if (SlotOf(range) is not { Replica: { } replica } slot)
            return null;
        var token = slot.Closing.Token;
        while (true)
        {
            if (await CheckpointAsync(replica, pace: null, token) is { } written)
                return written;
            if (!replica.IsWritingCheckpoint || token.IsCancellationRequested)
                return null;
            await Task.Delay(OtherCheckpoint, time, CancellationToken.None);
        }
    }

    /// <summary>The same of one that nobody waits for, in its time.</summary>
    public async Task CheckpointWhenDueAsync(RangeId range, long bytesPerSecond)
    {
        if (SlotOf(range) is not { Replica: { } replica } slot)
            return;
        var token = slot.Closing.Token;
        await CheckpointAsync(replica, new CheckpointPace(bytesPerSecond, pause => token.WaitHandle.WaitOne(pause), time), token);
    }

    private async Task<Lsn?> CheckpointAsync(RangeReplica replica, CheckpointPace? pace, CancellationToken cancellationToken)
    {
        try
        {
            return await OwnThread.RunAsync(() => replica.Checkpoint(pace, cancellationToken));
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

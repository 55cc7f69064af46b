using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Sending the newest checkpoint to a replica that is behind the log's beginning, block by block.</summary>
internal sealed partial class ReplicatedLog
{
    /// <summary>Blocks in a row without an answer after which the transfer is left for the next attempt, which goes on where it stood.</summary>
    private const int MaxSilentBlocks = 3;

    private async Task SendSnapshotAsync(Peer peer)
    {
        try
        {
            using var checkpoint = _acceptor.Replica.Log.OpenNewestCheckpoint();
            if (checkpoint is not null && await SendBlocksAsync(peer, checkpoint))
            {
                lock (_gate)
                    peer.Next = checkpoint.Lsn.Next;
            }
        }
        catch (Exception exception)
        {
            lock (_gate)
                peer.Detail = $"no snapshot for it: {exception.Message}"; // it is asked again, and says again that it needs one
        }
        finally
        {
            lock (_gate)
            {
                peer.InFlight = false;
                peer.RetryAt = After(_options.RetryPause);
            }
        }

        Pump();
    }

    /// <returns>Whether everything is installed.</returns>
    private async Task<bool> SendBlocksAsync(Peer peer, CheckpointReader checkpoint)
    {
        var count = (int)checkpoint.BlockCount;
        var silent = 0;
        for (var index = 0; index < count;)
        {
            if (Ended is not null)
                return false;
            var block = checkpoint.ReadBlock(index).ToArray();
            var answer = await _transport.SnapshotAsync(peer.Replica, new SnapshotChunk
            {
                Replica = peer.Replica.Id,
                Epoch = Epoch,
                Sender = Candidate,
                Lsn = checkpoint.Lsn,
                LsnEpoch = checkpoint.Epoch,
                Timestamp = checkpoint.Timestamp,
                Meta = checkpoint.Meta,
                Index = index,
                Count = count,
                Crc = Crc32C.Compute(block),
                Block = block,
            });
            switch (answer?.Outcome)
            {
                case null when ++silent < MaxSilentBlocks:
                    break;
                case AppendOutcome.Accepted when answer.NextIndex != index || ++silent < MaxSilentBlocks:
                    silent = answer.NextIndex == index ? silent : 0;
                    index = answer.NextIndex;
                    break;
                case AppendOutcome.Refused:
                    End(new DeposedException($"{peer.Replica.Node} follows epoch {answer.PromisedEpoch}"));
                    return false;
                case AppendOutcome.UnknownReplica:
                    lock (_gate)
                        peer.IsLost = true;
                    return false;
                default:
                    return false;
            }
        }

        return true;
    }
}

using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>Sending the newest checkpoint to a replica that is behind the log's beginning, block by block.</summary>
internal sealed partial class ReplicatedLog
{
    /// <summary>Blocks in a row without an answer after which the transfer is left for the next attempt, which goes on where it stood.</summary>
    private const int MaxSilentBlocks = 3;

    /// <summary>Shorter ones are saved up.</summary>
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(10);

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
        var began = _time.GetTimestamp();
        var bytes = 0L;
        for (var index = 0; index < count;)
        {
            await PaceAsync(began, bytes);
            if (!IsWanted(peer))
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
                    bytes += block.Length;
                    ReplicationInstruments.SnapshotBytesSent.Add(block.Length);
                    NoteBlock(peer);
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

    /// <summary>One that was given up, and perhaps is a peer again as another object with a transfer of its own, gets no second one beside it: they would undo each other.</summary>
    private bool IsWanted(Peer peer)
    {
        lock (_gate)
            return _ended is null && _peers.GetValueOrDefault(peer.Replica.Id) == peer;
    }

    /// <summary>It answers, so the log keeps what it will need next; and whoever waits for it sees that it gets on.</summary>
    private void NoteBlock(Peer peer)
    {
        lock (_gate)
        {
            peer.HeardAt = _time.GetTimestamp();
            peer.SnapshotBlocks++;
        }
    }

    /// <summary>Leaves disk and network to those who wait for them.</summary>
    private async Task PaceAsync(long began, long bytes)
    {
        var due = TimeSpan.FromSeconds((double)bytes / _options.MaxSnapshotBytesPerSecond) - _time.GetElapsedTime(began);
        if (due >= ShortestPause)
            await Task.Delay(due, _time);
    }
}

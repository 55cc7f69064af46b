using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <summary>What leaders ask of this node's replicas, whichever grain it comes through. What a replica cannot answer truthfully it does not answer.</summary>
internal sealed class AcceptorCalls(ReplicaHost host)
{
    private static readonly AppendAnswer Unable = new() { Outcome = AppendOutcome.Unable };

    /// <summary>An append; the replica is opened for it.</summary>
    public async ValueTask<AppendAnswer> AppendAsync(RangeId range, AppendRequest request)
    {
        var (acceptor, isLost) = await host.FindAsync(range, request.Replica, byLeader: true);
        return Append(range, request, acceptor, isLost);
    }

    /// <summary>Heartbeats, each at its replica. None waits for another's replica to be opened.</summary>
    public AppendAnswer[] Heartbeat(RangeHeartbeat[] heartbeats)
    {
        if (heartbeats.Length > RangeHeartbeat.MaxPerCall)
            throw new ArgumentException($"{heartbeats.Length} heartbeats in one call; {RangeHeartbeat.MaxPerCall} are allowed", nameof(heartbeats));
        return Array.ConvertAll(heartbeats, Heartbeat);
    }

    /// <summary>A disk that failed, or records that contradict what is committed, break the replica, loudly.</summary>
    public T Guarded<T>(RangeId range, ReplicaAcceptor acceptor, Func<T> work, Func<T> otherwise)
    {
        try
        {
            return work();
        }
        catch (Exception exception) when (exception is WalBrokenException or WalCorruptionException or InvalidDataException)
        {
            host.MarkBroken(range, acceptor.Id, exception.Message, mayReopen: exception is not InvalidDataException);
            return otherwise();
        }
        catch (Exception exception) when (exception is ObjectDisposedException or IOException or LogTruncatedException or LogReplacedException)
        {
            return otherwise(); // it was just closed, or cannot write now: the next call finds it opened again
        }
    }

    private AppendAnswer Heartbeat(RangeHeartbeat heartbeat)
    {
        var finding = host.FindAsync(heartbeat.Range, heartbeat.Append.Replica, byLeader: true);
        if (!finding.IsCompletedSuccessfully)
        {
            finding.AsTask().Ignore();
            return Unable with { Detail = "it is being opened" };
        }

        var (acceptor, isLost) = finding.Result;
        return Append(heartbeat.Range, heartbeat.Append, acceptor, isLost);
    }

    private AppendAnswer Append(RangeId range, AppendRequest request, ReplicaAcceptor? acceptor, bool isLost)
    {
        if (acceptor is null)
            return new AppendAnswer { Outcome = isLost ? AppendOutcome.UnknownReplica : AppendOutcome.Unable };
        var answer = Guarded(range, acceptor, () => acceptor.Append(request), () => Unable);
        if (acceptor.HasUnapplied)
            ApplyAsync(range, acceptor).Ignore();
        return answer;
    }

    /// <summary>In a turn of its own, behind the one that sends the answer.</summary>
    private async Task ApplyAsync(RangeId range, ReplicaAcceptor acceptor)
    {
        await Task.Yield();
        Guarded<object?>(range, acceptor, () => { acceptor.ApplyCommitted(); return null; }, () => null);
    }
}

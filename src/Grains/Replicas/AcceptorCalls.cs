using GrainDb.Engine.Replication;
using GrainDb.Engine.Wal;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Replicas;

/// <summary>What leaders ask of this node's replicas, whichever grain it comes through. What a replica cannot answer truthfully it does not answer.</summary>
internal sealed class AcceptorCalls(ReplicaHost host, TimeProvider time)
{
    /// <summary>How long one call with heartbeats waits for replicas that are busy, all together. What they miss comes with the next one; the others' leases hang on this one.</summary>
    private static readonly TimeSpan PatienceForBusy = TimeSpan.FromMilliseconds(20);

    private static readonly AppendAnswer Unable = new() { Outcome = AppendOutcome.Unable };
    private static readonly AppendAnswer Busy = Unable with { Detail = "it is busy" };

    /// <summary>An append; the replica is opened for it.</summary>
    public async ValueTask<AppendAnswer> AppendAsync(RangeId range, AppendRequest request)
    {
        var (acceptor, isLost) = await host.FindAsync(range, request.Replica, byLeader: true);
        return Append(acceptor, isLost, range, there => there.Append(request))!;
    }

    /// <summary>Heartbeats, each at its replica. None waits for another's replica to be opened, and none for long for one that is busy.</summary>
    public AppendAnswer[] Heartbeat(RangeHeartbeat[] heartbeats)
    {
        if (heartbeats.Length > RangeHeartbeat.MaxPerCall)
            throw new ArgumentException($"{heartbeats.Length} heartbeats in one call; {RangeHeartbeat.MaxPerCall} are allowed", nameof(heartbeats));
        var answers = Array.ConvertAll(heartbeats, heartbeat => Heartbeat(heartbeat, TimeSpan.Zero));
        var began = time.GetTimestamp();
        for (var i = 0; i < answers.Length; i++)
            answers[i] ??= Heartbeat(heartbeats[i], PatienceForBusy - time.GetElapsedTime(began)) ?? Busy;
        return answers!;
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
            host.MarkBroken(range, acceptor, exception.Message, mayReopen: exception is not InvalidDataException);
            return otherwise();
        }
        catch (Exception exception) when (exception is ObjectDisposedException or IOException or LogTruncatedException or LogReplacedException)
        {
            return otherwise(); // it was just closed, or cannot write now: the next call finds it opened again
        }
    }

    /// <returns>Null: its turn does not come within the patience.</returns>
    private AppendAnswer? Heartbeat(RangeHeartbeat heartbeat, TimeSpan patience)
    {
        var finding = host.FindAsync(heartbeat.Range, heartbeat.Append.Replica, byLeader: true);
        if (!finding.IsCompletedSuccessfully)
        {
            finding.AsTask().Ignore();
            return Unable with { Detail = "it is being opened" };
        }

        var (acceptor, isLost) = finding.Result;
        return Append(acceptor, isLost, heartbeat.Range, there => there.TryAppend(heartbeat.Append, patience));
    }

    private AppendAnswer? Append(ReplicaAcceptor? acceptor, bool isLost, RangeId range, Func<ReplicaAcceptor, AppendAnswer?> append)
    {
        if (acceptor is null)
            return new AppendAnswer { Outcome = isLost ? AppendOutcome.UnknownReplica : AppendOutcome.Unable };
        var answer = Guarded(range, acceptor, () => append(acceptor), () => Unable);
        if (answer is not null && acceptor.HasUnapplied)
            ApplyAsync(range, acceptor).Ignore();
        return answer;
    }

    /// <summary>In a turn of its own, behind the one that sends the answer.</summary>
    private async Task ApplyAsync(RangeId range, ReplicaAcceptor acceptor)
    {
        await Task.Yield();
        try
        {
            Guarded<object?>(range, acceptor, () => { acceptor.ApplyCommitted(); return null; }, () => null);
        }
        catch (Exception exception)
        {
            // It would acknowledge for ever what it never applies.
            host.MarkBroken(range, acceptor, $"applying failed: {exception}", mayReopen: false);
        }
    }
}

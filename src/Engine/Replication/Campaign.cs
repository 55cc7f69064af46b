using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// One candidate's way to leadership: (0) it asks whether a quorum would promise, which changes nothing, so that one that does not hear a leader whom the others
/// hear deposes nobody; (1) it promises itself a higher epoch, durably, then asks everybody else; (2) with a quorum of promises it makes its
/// log equal to the best of theirs, and asks again where that log's configuration wants others; (3) it waits until its clock is above everything that
/// an earlier leader may have read or written. Refused promises are asked for again when the lease that stands in the way is over.
/// <para>
/// It stops when its own replica follows somebody else. After a crash only the promises remain; they delay nobody but leaders of lower epochs.
/// </para>
/// </summary>
internal sealed class Campaign(ReplicaAcceptor acceptor, IReplicaTransport transport, Candidate candidate, TimeProvider time)
{
    /// <summary>Fetches in a row without an answer after which the source is asked for its promise again.</summary>
    private const int MaxSilentFetches = 3;

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, PromiseAnswer> _granted = [];
    private readonly ReplicationOptions _options = acceptor.Options;
    private volatile bool _stopped;

    /// <summary>The epoch for which it stands.</summary>
    public Epoch Epoch { get; private set; }

    /// <summary>Once it won: nothing may be read or written at or below it by anybody else any more.</summary>
    public Timestamp LowWater { get; private set; }

    /// <summary>The node that should lead instead: where a leader is, or where the best log is when this one is too far behind; null when none is known.</summary>
    public string? Better { get; private set; }

    /// <summary>The replica follows somebody else.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Runs until it won, or cannot win.</summary>
    /// <returns>Null when it won.</returns>
    public async Task<Failure?> RunAsync()
    {
        var started = time.GetTimestamp();
        var seen = Later(acceptor.Replica.Promise.PromisedEpoch, acceptor.Replica.Log.LastEpoch);
        Epoch = seen.Next;
        var hint = "";
        var ownLease = TimeSpan.MaxValue;
        var isTrial = true;
        while (!_stopped && time.GetElapsedTime(started) < _options.CampaignTimeout)
        {
            if (!acceptor.Configuration.Contains(acceptor.Id))
                return Unavailable("this replica does not vote");
            Dictionary<Guid, PromiseAnswer> granted = isTrial ? [] : _granted;
            var own = AskSelf(isTrial);
            if (own.Outcome is PromiseOutcome.Recovering or PromiseOutcome.UnknownReplica)
                return Unavailable("this replica lost records and is being rebuilt");
            var round = own.Outcome == PromiseOutcome.Granted ? await AskOthersAsync(own, granted, isTrial) : [own];
            if (round.Where(answer => answer.Outcome == PromiseOutcome.HigherEpoch).Select(answer => answer.PromisedEpoch).DefaultIfEmpty().Max() is var higher && higher >= Epoch)
            {
                lock (_gate)
                {
                    _granted.Clear(); // a late grant of the epoch before must not be counted for the next
                    Epoch = higher.Next;
                }

                isTrial = true;
                hint = $"epoch {higher} is promised to another candidate";
                await Task.Delay(Pause(), time);
            }
            else if (IsQuorum(granted))
            {
                if (isTrial)
                {
                    isTrial = false;
                    continue;
                }

                if (await AdoptBestAsync(started) is { } failure)
                    return failure;
                if (!_stopped && HasBestOfQuorum())
                {
                    if (await TryRaiseClockAsync(started))
                        return null;
                    hint = "the clock is too far behind earlier leaders";
                }
            }
            else
            {
                var waits = round.Where(answer => answer.LeaseRemaining > TimeSpan.Zero).Select(answer => answer.LeaseRemaining).ToList();
                hint = waits.Count > 0 ? "another leader's lease is running" : "too few replicas answer";
                Better = own.Outcome == PromiseOutcome.LeaseRunning && acceptor.LeaderNode != candidate.Node ? acceptor.LeaderNode : null;
                if (Better is not null && own.LeaseRemaining > ownLease)
                    return Unavailable($"{Better} leads, and has just been heard of");
                ownLease = own.LeaseRemaining;

                // A lease ends at the latest when it says; its holder may give it up before.
                var wait = waits.Count > 0 ? waits.Min() + TimeSpan.FromMilliseconds(1) : _options.RetryPause;
                await Task.Delay(wait < _options.RetryPause ? wait : _options.RetryPause, time);
            }
        }

        return Unavailable(_stopped ? "the range follows another leader" : $"no quorum of promises: {hint}");
    }

    private PromiseAnswer AskSelf(bool isTrial)
    {
        var request = RequestFor(acceptor.Id, isTrial);
        return _options.Has(ReplicationFaults.NoSelfPromise) ? acceptor.Peek() : acceptor.Promise(request);
    }

    /// <returns>All answers of this round; those that came too late to matter are not waited for.</returns>
    private async Task<List<PromiseAnswer>> AskOthersAsync(PromiseAnswer own, Dictionary<Guid, PromiseAnswer> granted, bool isTrial)
    {
        var round = new List<PromiseAnswer>();
        var decided = new TaskCompletionSource();
        List<ReplicaDescriptor> missing;
        lock (_gate)
        {
            granted[acceptor.Id] = own;
            missing = [.. acceptor.Configuration.Members.Where(member => !granted.ContainsKey(member.Id))];
        }

        var left = missing.Count;
        foreach (var member in missing)
            _ = AskAsync(member);
        if (left > 0)
            await decided.Task;
        lock (_gate)
            return [.. round];

        async Task AskAsync(ReplicaDescriptor member)
        {
            var (epoch, request) = (Epoch, RequestFor(member.Id, isTrial));
            var answer = await TryPromiseAsync(member, request);
            bool complete;
            lock (_gate)
            {
                left--;
                if (answer is not null && epoch == Epoch && acceptor.Replica.Clock.TryReceive(answer.Clock))
                {
                    round.Add(answer);
                    if (answer.Outcome == PromiseOutcome.Granted)
                        granted[member.Id] = answer;
                }

                complete = left == 0 || Quorum.IsReached(acceptor.Configuration, granted.ContainsKey, _options.Faults);
            }

            if (complete)
                decided.TrySetResult();
        }
    }

    /// <summary>Whatever goes wrong is no answer: a round ends when all have answered or failed.</summary>
    private async Task<PromiseAnswer?> TryPromiseAsync(ReplicaDescriptor member, PromiseRequest request)
    {
        try
        {
            return await transport.PromiseAsync(member, request);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return null;
        }
    }

    private PromiseRequest RequestFor(Guid replica, bool isTrial) =>
        new() { Replica = replica, Epoch = Epoch, Candidate = candidate, Clock = acceptor.Replica.Clock.Now(), IsTrial = isTrial };

    private bool IsQuorum(Dictionary<Guid, PromiseAnswer> granted)
    {
        lock (_gate)
            return Quorum.IsReached(acceptor.Configuration, granted.ContainsKey, _options.Faults);
    }

    /// <summary>
    /// Whether nobody who was counted has a better log than the own one, which may have taken over a source's by now, and these are a quorum under the
    /// configuration of that log. A source that was given up, and a grant that came late, are both seen here.
    /// </summary>
    private bool HasBestOfQuorum()
    {
        lock (_gate)
        {
            return _granted.TryGetValue(acceptor.Id, out var own)
                && _granted.Values.All(grant => (grant.LastEpoch, grant.LastLsn).CompareTo((own.LastEpoch, own.LastLsn)) <= 0)
                && (_options.Has(ReplicationFaults.NoRecheck) || Quorum.IsReached(acceptor.Configuration, _granted.ContainsKey, _options.Faults));
        }
    }

    /// <summary>
    /// Makes the own log equal to the best one. Gives the source up, for another round, where it does not answer any more or has nothing to say. Where the attempt's time is up, the source is named: it may lead
    /// at once. What was adopted by then stays, so another attempt from here is shorter.
    /// </summary>
    private async Task<Failure?> AdoptBestAsync(long started)
    {
        if (_options.Has(ReplicationFaults.NoSelfPromise))
            acceptor.ForcePromise(Epoch, candidate);
        Guid source;
        PromiseAnswer best;
        lock (_gate)
        {
            (source, best) = _granted.MaxBy(grant => (grant.Value.LastEpoch, grant.Value.LastLsn, grant.Key == acceptor.Id));
            if (source == acceptor.Id)
                return null;
        }

        if (acceptor.Configuration.Members.FirstOrDefault(member => member.Id == source) is not { } from)
        {
            lock (_gate)
                _granted.Remove(source);
            return null;
        }

        var log = acceptor.Replica.Log;
        var next = log.LastLsn < best.LastLsn ? log.LastLsn.Next : acceptor.CommitLsn.Next;
        var silent = 0;
        while (!_stopped && next <= best.LastLsn)
        {
            if (time.GetElapsedTime(started) >= _options.CampaignTimeout)
            {
                Better = from.Node;
                return Unavailable($"this replica lacks too much to lead in time; {from.Node} has the log");
            }

            var answer = await transport.FetchAsync(from, new FetchRequest(source, Epoch, candidate, next, _options.MaxAppendBytes));
            if (answer is { IsTruncated: true })
            {
                Better = from.Node;
                return Unavailable($"this replica is too far behind to lead; {from.Node} has the log");
            }

            if (answer is { IsServed: false } or { Records.IsEmpty: true } || (answer is null && ++silent == MaxSilentFetches))
            {
                lock (_gate)
                    _granted.Remove(source);
                return null;
            }

            if (answer is null)
                continue;
            silent = 0;
            if (acceptor.TryAdopt(Epoch, candidate, new(next.Value - 1), answer.PrevEpoch, answer.Records) is { } adopted)
                next = adopted.Next;
            else if (next != acceptor.CommitLsn.Next)
                next = acceptor.CommitLsn.Next; // what is there differs: from the last record that certainly does not
            else
                return Unavailable("the range follows another leader");
        }

        lock (_gate)
        {
            if (_granted.TryGetValue(acceptor.Id, out var own))
                _granted[acceptor.Id] = own with { LastEpoch = best.LastEpoch, LastLsn = best.LastLsn };
        }

        return null;
    }

    /// <summary>Waits, where need be, until physical time lets the clock rise above everything that earlier leaders may have shown.</summary>
    /// <returns>False when the time of the attempt is up, or the range follows somebody else.</returns>
    private async Task<bool> TryRaiseClockAsync(long started)
    {
        var clock = acceptor.Replica.Clock;
        lock (_gate)
        {
            LowWater = Timestamp.Later(clock.Now(), acceptor.Replica.Log.LastTimestamp);
            foreach (var grant in _granted.Values)
                LowWater = Timestamp.Later(LowWater, Timestamp.Later(grant.MaxLeaseTimestamp, grant.Closed));
        }

        if (_options.Has(ReplicationFaults.NoLowWater))
            return true;
        while (!clock.TryReceive(LowWater))
        {
            if (_stopped || time.GetElapsedTime(started) >= _options.CampaignTimeout)
                return false;
            await Task.Delay(_options.RetryPause, time);
        }

        return !_stopped;
    }

    /// <summary>Two candidates must not keep deposing each other: each waits differently long.</summary>
    private TimeSpan Pause() => _options.RetryPause * (1 + (candidate.Nonce.ToByteArray()[^1] / (double)byte.MaxValue));

    private Failure Unavailable(string why) => Failure.NotApplied(ErrorCode.Unavailable, $"range {acceptor.Replica.Range} has no leader: {why}");

    private static Epoch Later(Epoch left, Epoch right) => left > right ? left : right;
}

using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// Changing who votes, by joint consensus: newcomers learn until they are within one batch; then a joint configuration, in force when appended, under
/// which everything needs two majorities; when that is committed, the new one. Source: Raft (Ongaro, 2014), section 4.3, and its use in etcd.
/// </summary>
internal sealed partial class ReplicatedLog
{
    private readonly HashSet<Guid> _learners = [];
    private bool _changing;

    /// <summary>The configuration in force.</summary>
    public RangeConfiguration Configuration
    {
        get
        {
            lock (_gate)
                return _configuration;
        }
    }

    /// <summary>Voters that said that they are lost for good.</summary>
    public IReadOnlyList<ReplicaDescriptor> LostVoters
    {
        get
        {
            lock (_gate)
                return [.. _configuration.Members.Where(member => _peers.GetValueOrDefault(member.Id) is { IsLost: true })];
        }
    }

    /// <summary>What is known of the other replicas, for people.</summary>
    public IReadOnlyList<(ReplicaDescriptor Replica, Lsn Match, Lsn Applied, AppendOutcome? Last, string? Detail)> Peers
    {
        get
        {
            lock (_gate)
                return [.. _peers.Values.Select(peer => (peer.Replica, peer.Match, peer.Applied, peer.LastOutcome, peer.Detail))];
        }
    }

    /// <summary>Whether a replica has everything that was sent, and room for more.</summary>
    public bool IsCaughtUp(Guid replica)
    {
        lock (_gate)
            return _peers.GetValueOrDefault(replica) is { } peer && peer.Match >= _sealed && peer is { LastOutcome: AppendOutcome.Accepted, Detail: null };
    }

    /// <summary>
    /// Changes the voters. One change at a time. After a failure the change may still happen: a joint configuration that is in the log is finished by
    /// whoever leads next.
    /// </summary>
    /// <param name="voters">The voters to be; replicas among them that are new must exist by now, and never have existed before.</param>
    /// <param name="patience">How long newcomers may take to get on with catching up, and each step to be committed.</param>
    /// <param name="enqueue">Enqueues a configuration record as its owner does every other.</param>
    /// <returns>Null when the new configuration is committed.</returns>
    public async Task<Failure?> ChangeMembershipAsync(ReplicaDescriptor[] voters, TimeSpan patience, Func<RangeConfiguration, Lsn?> enqueue)
    {
        RangeConfiguration old;
        lock (_gate)
        {
            if (_ended is not null || _commit < _start)
                return Failure.NotApplied(ErrorCode.Unavailable, "the leader does not serve");
            if (_changing)
                return Failure.NotApplied(ErrorCode.Unavailable, "another change of the voters is under way");
            old = _configuration;
            if (!old.IsJoint && !IsConfigurationCommitted())
                return Failure.NotApplied(ErrorCode.Unavailable, "the voters before are not committed yet");
            if (!old.IsJoint && old.Voters.ToHashSet().SetEquals(voters))
                return null;
            _changing = true;
            if (!old.IsJoint)
                _learners.UnionWith(voters.Select(voter => voter.Id));
            AddPeers(voters);
        }

        try
        {
            if (!old.IsJoint)
            {
                if (!await HaveCaughtUpAsync([.. voters.Except(old.Voters)], patience))
                    return Failure.NotApplied(ErrorCode.Unavailable, "the new replicas do not catch up");
                if (await ProposeAsync(new RangeConfiguration(voters, old.Voters), patience, enqueue) is { } failure)
                    return failure;
            }

            // Only a committed joint configuration keeps the old voters from electing somebody who has neither.
            if (!await WaitUntilAsync(IsConfigurationCommitted, patience))
                return Failure.Unknown(ErrorCode.OutcomeUnknown, "the joint configuration is not committed yet");
            var final = old.IsJoint ? old.Voters : voters;
            if (await ProposeAsync(new RangeConfiguration(final, []), patience, enqueue) is { } unfinished)
                return Failure.Unknown(ErrorCode.OutcomeUnknown, $"the joint configuration is in force, and will be left: {unfinished.Detail}");
            return final.ToHashSet().SetEquals(voters) ? null : Failure.NotApplied(ErrorCode.Unavailable, "the change that a predecessor began was finished first");
        }
        finally
        {
            lock (_gate)
            {
                _changing = false;
                _learners.Clear();
                SetPeers();
            }
        }
    }

    /// <summary>Waits as long as the newcomers get on: how long all of it takes is a question of the state's size.</summary>
    private async Task<bool> HaveCaughtUpAsync(ReplicaDescriptor[] newcomers, TimeSpan patience)
    {
        UInt128 progress;
        do
        {
            lock (_gate)
                progress = Progressed();
            if (await WaitUntilAsync(() => Array.TrueForAll(newcomers, newcomer => MatchOf(newcomer.Id) >= _sealed.Value || IsWithinOneBatch(newcomer.Id)), patience))
                return true;
            lock (_gate)
            {
                if (_ended is not null || progress == Progressed())
                    return false;
            }
        }
        while (true);

        UInt128 Progressed() => newcomers.Aggregate(UInt128.Zero, (sum, newcomer) =>
            _peers.GetValueOrDefault(newcomer.Id) is { } peer ? sum + peer.Match.Value + (ulong)peer.SnapshotBlocks : sum);
    }

    private async Task<Failure?> ProposeAsync(RangeConfiguration configuration, TimeSpan patience, Func<RangeConfiguration, Lsn?> enqueue)
    {
        if (enqueue(configuration) is not { } lsn)
            return Failure.NotApplied(ErrorCode.Unavailable, "the leader takes no records");
        if (!await WaitUntilAsync(() => _observed >= lsn || !Stands(), patience))
            return Failure.Unknown(ErrorCode.OutcomeUnknown, $"the configuration {configuration} is not committed yet");
        lock (_gate)
            return Stands() ? null : Failure.NotApplied(ErrorCode.Unavailable, $"the configuration {configuration} found no room on the disk");

        // A full disk takes records back and gives their LSNs to others: that the LSN is committed does not say that this record is.
        bool Stands() => _ownConfigurations.Exists(own => own.Lsn == lsn && ReferenceEquals(own.Configuration, configuration));
    }

    private bool IsConfigurationCommitted() => _observed >= _ownConfigurations[^1].Lsn;

    private bool IsWithinOneBatch(Guid replica) =>
        _peers.GetValueOrDefault(replica) is { LastOutcome: AppendOutcome.Accepted } peer && _window.Count > 0 && peer.Match.Next >= _window[_window.Count - 1].First;

    /// <summary>In force as soon as it is in the log. Under the lock.</summary>
    private void UseConfiguration(Lsn lsn, RangeConfiguration configuration)
    {
        _ownConfigurations.Add((lsn, configuration));
        _configuration = configuration;
        SetPeers();
    }

    /// <summary>Records from an LSN on were refused: the configuration before them is in force again. Under the lock.</summary>
    private void TakeBackConfigurations(Lsn from)
    {
        if (_ownConfigurations.RemoveAll(own => own.Lsn >= from) == 0)
            return;
        _configuration = _ownConfigurations[^1].Configuration;
        SetPeers();
    }

    /// <summary>Peers are the members but this replica, and those who learn.</summary>
    private void SetPeers()
    {
        AddPeers(_configuration.Members);
        foreach (var gone in _peers.Keys.Where(id => !_configuration.Contains(id) && !_learners.Contains(id)).ToList())
            _peers.Remove(gone);
        RenewLease();
    }

    private void AddPeers(IEnumerable<ReplicaDescriptor> replicas)
    {
        foreach (var replica in replicas)
        {
            if (replica.Id != _acceptor.Id && !_peers.ContainsKey(replica.Id))
                _peers.Add(replica.Id, new Peer(replica, _sealed.Next));
        }
    }
}

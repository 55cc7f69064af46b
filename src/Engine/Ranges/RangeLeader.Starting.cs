using System.Buffers.Binary;
using GrainDb.Engine.Replication;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Ranges;

/// <summary>How leadership begins and ends, and how its voters change.</summary>
public sealed partial class RangeLeader
{
    private volatile Campaign? _campaign;
    private volatile string _heir = "";

    /// <summary>The node that should lead instead, when <see cref="StartAsync"/> failed and one is known: it leads, or has the log that this one is too far behind.</summary>
    public string? Better => _campaign?.Better;

    /// <summary>The voters; those of the replica's log before it leads.</summary>
    public RangeConfiguration Configuration => _log?.Configuration ?? _acceptor.Configuration;

    /// <summary>Voters that are lost for good and should be replaced.</summary>
    public IReadOnlyList<ReplicaDescriptor> LostVoters => _log?.LostVoters ?? [];

    /// <summary>The other replicas: what they have and what they said last.</summary>
    public IReadOnlyList<(ReplicaDescriptor Replica, Lsn Match, Lsn Applied, AppendOutcome? Last, string? Detail)> Peers => _log?.Peers ?? [];

    /// <summary>
    /// Becomes leader: a quorum promises a higher epoch, the best log is adopted, and the epoch's first record is committed, with everything before it.
    /// Only then does it serve. <see cref="Tick"/> must be called meanwhile.
    /// </summary>
    /// <returns>Why it does not serve; null when it does.</returns>
    public async Task<Failure?> StartAsync()
    {
        var campaign = _campaign = new Campaign(_acceptor, _transport, Candidate, _options.Time);
        _acceptor.SetContender(this);
        try
        {
            var loading = LoadAsync();
            var failure = await campaign.RunAsync();
            await loading;
            failure ??= await OpenEpochAsync(campaign);
            if (failure is not null)
                Stop(failure);
            else if (Configuration.IsJoint)
                _ = ChangeMembershipAsync(Configuration.Voters, _acceptor.Options.CampaignTimeout); // begun by a predecessor
            return failure;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            Stop(Refusal(exception));
            return _refusal;
        }
    }

    /// <summary>Ends an attempt to become leader; one that serves goes on.</summary>
    public void AbortStart()
    {
        _campaign?.Stop();
        if (_isStarting)
            _log?.End(new DeposedException("the attempt was given up"));
    }

    /// <summary>How long no quorum has confirmed this leader; zero while one does, or before it serves.</summary>
    public TimeSpan UnconfirmedFor => _isStarting || _log is null ? TimeSpan.Zero : _log.UnconfirmedFor;

    /// <summary>Time passes; the host calls it several times per heartbeat interval.</summary>
    public void Tick()
    {
        _log?.Tick();
        TickWatchers();
        LookAfterTransactions();
        LookAfterUnsettled();
    }

    /// <summary>Whether a voter has everything that this leader sent.</summary>
    public bool IsCaughtUp(Guid replica) => _log?.IsCaughtUp(replica) ?? false;

    /// <summary>Why the own log takes no records now, which others might; null when it does.</summary>
    public string? WhyFull => _replica.GetFigures() is { Status: Wal.WalStatus.DiskFull } figures ? figures.StatusDetail ?? "the disk is full" : null;

    /// <summary>A voter that has everything and room for more; null when there is none.</summary>
    public ReplicaDescriptor? FindCaughtUp() => Configuration.Members.FirstOrDefault(member => member.Id != _acceptor.Id && IsCaughtUp(member.Id));

    /// <summary>Whether a quorum has lately said that it follows this leader.</summary>
    public bool HasLease => _log?.HasLease ?? false;

    /// <summary>
    /// Changes the voters by joint consensus; new ones must exist, empty, under ids that nobody ever had. A leader that is not among them stops afterwards.
    /// </summary>
    /// <param name="voters">The voters to be.</param>
    /// <param name="patience">How long newcomers may take to catch up, and each step to be committed.</param>
    /// <returns>Null when the change is committed; with an unknown outcome it may still happen.</returns>
    public async Task<Failure?> ChangeMembershipAsync(ReplicaDescriptor[] voters, TimeSpan patience)
    {
        if (_log is not { } log)
            return _refusal;
        var failure = await log.ChangeMembershipAsync(voters, patience, Propose);
        if (failure is null && !log.Configuration.Contains(_acceptor.Id))
            await DisposeAsync();
        return failure;

        Lsn? Propose(RangeConfiguration configuration)
        {
            lock (_replica.Gate)
                return Enqueue(RangeRecordType.Configuration, _replica.Clock.Now(), ConfigurationCodec.Encode(configuration), null, Done, configuration: configuration)?.Lsn;
        }
    }

    /// <summary>The same as <see cref="DisposeAsync"/>, and tells the replicas who is asked to lead next.</summary>
    /// <param name="heir">The node of a voter; empty when nobody is asked.</param>
    public ValueTask HandOverAsync(string heir)
    {
        _heir = heir;
        return DisposeAsync();
    }

    /// <summary>Takes nothing new, waits until everything taken is answered, and lets others lead without waiting for the lease.</summary>
    public async ValueTask DisposeAsync()
    {
        Task drained;
        var woken = new List<TaskCompletionSource>();
        lock (_replica.Gate)
        {
            IsStopped = true;
            _refusal ??= Failure.NotApplied(ErrorCode.RangeMoved, $"range {Range} changes its leader");
            drained = WhenPendingIsCommitted();
            _waiters.TakeAll(woken);
        }

        WakeWatchers();
        WakeAll(woken);
        _campaign?.Stop();
        if (_log is { } log)
        {
            // Without a quorum the wait would have no end; what is not decided by then is answered so.
            await Task.WhenAny(drained, log.WaitUntilAsync(() => false, _acceptor.Options.DrainTimeout));
            log.End(new DeposedException("it stopped"));
        }

        _acceptor.ClearContender(this);
        _ended.TrySetResult();
    }

    /// <summary>The state is brought into memory while the others are asked for their promises.</summary>
    private Task LoadAsync()
    {
        if (_replica.IsLoaded)
            return Task.CompletedTask;
        var loaded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _options.Schedule(() =>
        {
            try
            {
                _acceptor.Load();
                loaded.SetResult();
            }
            catch (Exception exception)
            {
                loaded.SetException(exception);
            }
        });
        return loaded.Task;
    }

    private async Task<Failure?> OpenEpochAsync(Campaign campaign)
    {
        Proposal start;
        ReplicatedLog log;
        lock (_replica.Gate)
        {
            if (IsStopped)
                return _refusal;
            _log = log = new ReplicatedLog(_acceptor, _transport, campaign.Epoch, Candidate, _options.Schedule, _options.Time, this);
            var configuration = log.Configuration;
            var payload = new byte[RangeRecordType.LeaderStartHeaderBytes];
            BinaryPrimitives.WriteUInt64LittleEndian(payload, campaign.LowWater.Value);
            _startTimestamp = _replica.Clock.Now();
            if (Enqueue(RangeRecordType.LeaderStart, _startTimestamp, [.. payload, .. ConfigurationCodec.Encode(configuration)], null, Done) is not { } proposal)
                return WhyNotEnqueued();
            start = proposal;
        }

        await Task.WhenAny(start.Task, log.WaitUntilAsync(() => false, _acceptor.Options.CampaignTimeout));
        if (!start.Task.IsCompleted)
            log.End(new DeposedException("its first record finds no quorum"));
        var started = await start.Task;
        if (started.Failure is { } failure)
        {
            log.End(new DeposedException("its first record was refused")); // its heartbeats may have been granted leases, and it holds the log back
            return failure;
        }

        lock (_replica.Gate)
        {
            if (_isStarting && !IsStopped)
                _refusal = null;
            _isStarting = false;
            _servesSince = _options.Time.GetTimestamp();
            if (_refusal is not null)
                return _refusal;
        }

        RecoverPrepared();
        FinishUnsettled();
        return null;
    }

    private void Stop(Failure reason)
    {
        _acceptor.ClearContender(this);
        lock (_replica.Gate)
        {
            IsStopped = true;
            _refusal = reason;
        }

        WakeWatchers();
        _ended.TrySetResult();
    }
}

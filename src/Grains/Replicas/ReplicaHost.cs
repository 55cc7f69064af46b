using System.Collections.Concurrent;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Engine.Transactions;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Replicas;

/// <summary>
/// The node's replicas at work: opened when somebody needs them, shared by the replica's grain and the range's leader, handed from the
/// follower's role to the leader's without closing a file, closed when idle. One that broke is opened again, as a restart of the process would do; only where its files turn out to
/// be damaged are they put aside, and filled again, when a leader calls.
/// </summary>
internal sealed partial class ReplicaHost(
    NodeOptions node,
    NodeStorage storage,
    LocalRanges local,
    ReplicaTransport transport,
    StateLoading loading,
    EventualHost eventual,
    ReplicationOptions options,
    ITransactionRecovery recovery,
    TimeProvider time,
    ILogger<ReplicaHost> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>A disk that fails again at once must not make the node rebuild all the time.</summary>
    private static readonly TimeSpan PauseBetweenRebuilds = TimeSpan.FromSeconds(30);

    /// <summary>Opening reads the whole log.</summary>
    private static readonly TimeSpan PauseBetweenReopenings = TimeSpan.FromSeconds(5);

    private static readonly Action<Action> OnThreadPool = static work => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), work, preferLocal: false);

    private readonly ConcurrentDictionary<RangeId, ReplicaSlot> _slots = new();
    private long _started = time.GetTimestamp();

    /// <summary>The node is being stopped: it leads nothing more, and goes on as a follower until its end.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Replicas in memory.</summary>
    public IEnumerable<(RangeId Range, ReplicaSlot Slot)> Open =>
        _slots.Where(slot => slot.Value.Acceptor is not null).Select(slot => (slot.Key, slot.Value));

    /// <summary>Stops after the grains and before the data directory is given back.</summary>
    public void Participate(ISiloLifecycle observer) =>
        observer.Subscribe(nameof(ReplicaHost), ServiceLifecycleStage.RuntimeInitialize, StartAsync, StopAsync);

    /// <summary>The replica with this id, opened where it is idle.</summary>
    /// <param name="range">The range.</param>
    /// <param name="replica">The id that is meant; another replica of the range on this node is not touched.</param>
    /// <param name="byLeader">Whether a leader asks, which then fills a replica that has to be rebuilt.</param>
    /// <returns>The replica; or null, and whether it will never be there again.</returns>
    public ValueTask<(ReplicaAcceptor? Acceptor, bool IsLost)> FindAsync(RangeId range, Guid replica, bool byLeader)
    {
        if (_slots.TryGetValue(range, out var slot) && slot is { Acceptor: { } open, Broken: null })
            return new(open.Id == replica ? (open, false) : (null, true));
        return storage.FindReplica(range) is { IsEventual: false } entry && entry.Id == replica ? OpenAsync(range, byLeader) : new((null, true));
    }

    /// <summary>This node's replica where it is in memory; null where it is not.</summary>
    public ReplicaAcceptor? FindOpen(RangeId range) => _slots.TryGetValue(range, out var slot) ? slot.Acceptor : null;

    /// <summary>This node's replica, whichever it is, opened where it is idle; null when there is none that can be used.</summary>
    public async ValueTask<ReplicaAcceptor?> FindAsync(RangeId range) =>
        storage.FindReplica(range) is { IsOpened: true, IsEventual: false } entry ? (await FindAsync(range, entry.Id, byLeader: false)).Acceptor : null;

    /// <summary>
    /// Leads: where this node leads already it goes on, else it stands with a higher epoch. The leader is registered for callers on this node.
    /// </summary>
    /// <param name="descriptor">The range.</param>
    /// <param name="partitioning">Of its keyspace.</param>
    /// <param name="activation">What is to end with the leadership; null for nothing.</param>
    /// <returns>The leader; or why there is none, and the node that should lead instead where one is known.</returns>
    public async Task<(RangeLeader? Leader, Failure? Failure, string? Better)> LeadAsync(
        RangeDescriptor descriptor, KeyspacePartitioning partitioning, IGrainContext? activation)
    {
        var slot = SlotOf(descriptor.Id);
        RangeLeader? leader = null;
        Failure? failure = null;
        string? better = null;
        await InTurnAsync(slot, async () => (leader, failure, better) = await LeadInTurnAsync(slot, descriptor, partitioning, activation));
        return (leader, failure, better);
    }

    /// <summary>Ends the attempt of an activation that is given up.</summary>
    public void AbortLeading(RangeId range, IGrainContext activation)
    {
        if (SlotOf(range) is { } slot && slot.Activation == activation)
            slot.Leader?.AbortStart();
    }

    /// <summary>Ends this leader's leadership. The replica stays, as a follower's.</summary>
    /// <param name="leader">A leader that is not the replica's any more changes nothing.</param>
    /// <param name="activation">Nor does an activation that another one on this node has replaced.</param>
    public Task ReleaseAsync(RangeLeader leader, IGrainContext activation)
    {
        var slot = SlotOf(leader.Range);
        return InTurnAsync(slot, () => slot.Leader == leader && slot.Activation == activation ? EndLeadershipAsync(slot) : Task.CompletedTask);
    }

    /// <summary>The same, whichever activation there is, and names the node that is to lead next.</summary>
    public Task HandOverAsync(RangeLeader leader, string heir)
    {
        var slot = SlotOf(leader.Range);
        return InTurnAsync(slot, () => slot.Leader == leader ? EndLeadershipAsync(slot, heir) : Task.CompletedTask);
    }

    /// <summary>Waits until an attempt to lead that is under way on this node has ended, but not for ever.</summary>
    public async Task AttemptEndedAsync(RangeId range, TimeSpan patience)
    {
        if (_slots.TryGetValue(range, out var slot) && await slot.Turn.WaitAsync(patience))
            slot.Turn.Release();
    }

    /// <summary>Ends leadership where there is one, writes a checkpoint where there is something new, and lets the memory go.</summary>
    public async Task UnloadAsync(RangeId range, CancellationToken cancellationToken)
    {
        var slot = SlotOf(range);
        await slot.Checkpoints.EndAsync();
        slot.Leader?.AbortStart();
        await InTurnAsync(slot, () => CloseAsync(slot, checkpoint: true, cancellationToken));
    }

    /// <summary>Ends leadership of the range on this node for good; of an eventual one all service.</summary>
    public Task RetireAsync(RangeId range)
    {
        if (eventual.Holds(range))
            return eventual.RetireAsync(range);
        var slot = SlotOf(range);
        slot.IsRetired = true;
        slot.Leader?.AbortStart();
        return InTurnAsync(slot, () => EndLeadershipAsync(slot));
    }

    /// <summary>Ends what this replica does and deletes it; its id does not come back. Another replica of the range stays.</summary>
    /// <param name="range">The range.</param>
    /// <param name="replica">The replica's id.</param>
    /// <param name="epoch">Of the leader that wants it. A replica that has promised a higher one has a leader that may need it, also where it is broken now.</param>
    /// <returns>Why it is still there; null when it is not.</returns>
    public async Task<Failure?> RemoveReplicaAsync(RangeId range, Guid replica, Epoch epoch)
    {
        if (eventual.Holds(range))
        {
            await eventual.RemoveReplicaAsync(range, replica);
            return null;
        }

        // Asked now, so that a leader of before disturbs nothing, and again when the replica is closed: until then it may promise.
        if (storage.FindReplica(range)?.Id == replica && await Task.Run(() => WhyKept(range, replica, epoch)) is { } refused)
            return refused;
        if (storage.FindReplica(range)?.Id != replica && !storage.BuryReplica(range, replica))
            return null;
        Failure? kept = null;
        await RemoveAsync(range, () =>
        {
            if ((kept = WhyKept(range, replica, epoch)) is not null || !storage.BuryReplica(range, replica))
                return false;
            storage.DeleteReplica(range, replica);
            return true;
        });
        return kept;
    }

    private Failure? WhyKept(RangeId range, Guid replica, Epoch epoch) => storage.FindPromisedEpoch(range) > epoch
        ? Failure.NotApplied(ErrorCode.Unavailable, $"replica {replica} of range {range} has promised an epoch above {epoch.Value}: another leader decides")
        : null;

    /// <summary>The range is gone for good: nothing of it stays.</summary>
    public Task ForgetRangeAsync(RangeId range)
    {
        if (eventual.Holds(range))
            return eventual.ForgetAsync(range);
        SlotOf(range).IsRetired = true;
        return RemoveAsync(range, () =>
        {
            storage.ForgetRange(range);
            return true;
        });
    }

    /// <summary>The replica's disk failed, or its leader's records contradict what is committed: it answers nothing until it is opened again, where that may help.</summary>
    /// <param name="range">The range.</param>
    /// <param name="acceptor">The replica, as it was open when that happened; one that was opened since is not concerned.</param>
    /// <param name="reason">What happened.</param>
    /// <param name="mayReopen">Whether opening it again may help.</param>
    public void MarkBroken(RangeId range, ReplicaAcceptor acceptor, string reason, bool mayReopen)
    {
        if (!_slots.TryGetValue(range, out var slot) || slot.Acceptor != acceptor)
            return;
        slot.MayReopen = mayReopen;
        MarkBroken(slot, range, reason);
    }

    private void MarkBroken(ReplicaSlot slot, RangeId range, string reason)
    {
        if (slot.Broken is not null)
            return;
        slot.Broken = BrokenFailure(range, reason);
        ReplicaHostLog.Broken(logger, range, reason);
    }

    /// <summary>What the node holds, without loading anything.</summary>
    public NodeReport Report() => new(
        storage.Identity.Incarnation.ToString(),
        [.. storage.Replicas.Select(replica => Report(new RangeId(replica.Key), replica.Value))]);

    private ReplicaReport Report(RangeId range, ReplicaManifest.Entry entry) =>
        entry.IsEventual ? eventual.Report(range, entry.Id) : ReplicaReports.Of(range, entry.Id, SlotOf(range));

    private async ValueTask<(ReplicaAcceptor? Acceptor, bool IsLost)> OpenAsync(RangeId range, bool byLeader)
    {
        var slot = SlotOf(range);
        await InTurnAsync(slot, () => Task.Run(async () =>
        {
            if (slot.IsRemoved)
                return;
            await MendAsync(slot, range, byLeader);
            if (slot.Broken is null)
                OpenInTurn(slot, range);
        }));
        return slot.Broken is null ? (slot.Acceptor, false) : (null, slot.IsLost); // of a slot that was removed: nothing, for now
    }

    /// <summary>
    /// Opens what broke again: most of what breaks a replica is gone then, and everything that it acknowledged was durable before, so it votes as after a restart. Where reading
    /// tells that the files are damaged, and a leader asks, they are put aside, for the leader to fill the replica.
    /// </summary>
    private async Task MendAsync(ReplicaSlot slot, RangeId range, bool byLeader)
    {
        if (slot.Broken is not { } broken || slot is { IsLost: true } or { MayReopen: false } || IsWithin(PauseBetweenReopenings, slot.ReopenedAt))
            return;
        slot.ReopenedAt = time.GetTimestamp();
        await CloseAsync(slot, checkpoint: false, CancellationToken.None);
        slot.Broken = null;
        if (OpenInTurn(slot, range) is null)
        {
            ReplicaHostLog.Reopened(logger, range, broken.Detail);
            return;
        }

        slot.Broken ??= broken; // it cannot be opened now
        if (byLeader && slot.IsDamaged && !IsWithin(PauseBetweenRebuilds, slot.RebuiltAt))
            PutAside(slot, range);
    }

    private void PutAside(ReplicaSlot slot, RangeId range)
    {
        slot.RebuiltAt = time.GetTimestamp();
        try
        {
            if (storage.TryDiscardDamaged(range))
                slot.Broken = null;
            else
                slot.IsLost = true;
        }
        catch (Exception exception) when (exception is IOException or UnknownFormatException or WalBrokenException)
        {
            ReplicaHostLog.NotOpened(logger, exception, range);
        }
    }

    private bool IsWithin(TimeSpan span, long? since) => since is { } moment && time.GetElapsedTime(moment) < span;

    private async Task<(RangeLeader? Leader, Failure? Failure, string? Better)> LeadInTurnAsync(
        ReplicaSlot slot,
        RangeDescriptor descriptor,
        KeyspacePartitioning partitioning,
        IGrainContext? activation)
    {
        if (slot.IsRetired || slot.IsRemoved)
            return (null, Failure.NotApplied(ErrorCode.RangeMoved, $"range {descriptor.Id} is being deleted"), null);
        if (IsLeaving)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} is stopping"), null);
        if (slot.Leader is { IsStopped: false, HasLease: true } serving)
        {
            slot.Activation = activation ?? slot.Activation; // the one before is gone, or a duplicate: a leader that serves goes on
            return (serving, null, null);
        }

        await EndLeadershipAsync(slot);
        if (WhyNoReplica(descriptor) is { } missing)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, missing), null);
        await Task.Run(() => MendAsync(slot, descriptor.Id, byLeader: false));
        if ((slot.Broken ?? await Task.Run(() => OpenInTurn(slot, descriptor.Id))) is { } failure)
            return (null, failure, null);
        var leader = new RangeLeader(slot.Acceptor!, transport.Of(descriptor.Id), new RangeLeaderOptions(
            descriptor,
            partitioning,
            node.Name,
            node.Region,
            node.MaxValueBytes,
            Guid.NewGuid(),
            OnThreadPool,
            time,
            recovery));
        slot.Activation = activation;
        slot.Leader = leader; // from now on it gets its ticks
        if (await loading.ElectAsync(leader) is { } refused)
        {
            (slot.Leader, slot.Activation) = (null, null);
            ReplicaHostLog.NotElected(logger, descriptor.Id, refused.Detail);
            return (null, refused, leader.Better);
        }

        local.Add(leader);
        ReplicaHostLog.Leading(logger, descriptor.Id, leader.Epoch.Value, leader.Replica.AppliedLsn.Value);
        _ = WatchAsync(slot, leader);
        return (leader, null, null);
    }

    /// <summary>A leader that was deposed makes room: its activation ends, the replica goes on as a follower's.</summary>
    private async Task WatchAsync(ReplicaSlot slot, RangeLeader leader)
    {
        await leader.Ended;
        local.Remove(leader);
        if (leader.Replica.BrokenReason is { } reason && slot.Replica == leader.Replica)
            MarkBroken(slot, leader.Range, reason);
        await InTurnAsync(slot, () => slot.Leader == leader ? EndLeadershipAsync(slot) : Task.CompletedTask);
    }

    /// <summary>
    /// Why this node has nothing to lead the range on, without opening anything. A replica that was never opened and does not know who
    /// votes could not stand anyway, and opening it would make it used.
    /// </summary>
    private string? WhyNoReplica(RangeDescriptor descriptor)
    {
        var wanted = descriptor.On(node.Name)?.Id ?? Guid.Empty;
        return storage.FindReplica(descriptor.Id) switch
        {
            null => $"node {node.Name} has no replica of range {descriptor.Id}",
            { IsEventual: true } => $"range {descriptor.Id} is eventual: nobody leads it",
            var entry when wanted != Guid.Empty && entry.Id != wanted => $"node {node.Name} has replica {entry.Id} of range {descriptor.Id}, not {wanted}",
            { IsOpened: false } entry when entry.Initial == RangeConfiguration.Unknown => $"the replica of range {descriptor.Id} on node {node.Name} does not know who votes",
            _ => null,
        };
    }

    /// <returns>Why the replica could not be opened; damage stays, anything else may be gone at the next attempt.</returns>
    private Failure? OpenInTurn(ReplicaSlot slot, RangeId range)
    {
        if (slot.Acceptor is not null)
            return null;
        slot.IsDamaged = false;
        try
        {
            var replica = storage.OpenReplica(range);
            if (slot.Leases is not { } known || known.Replica != replica.Options.Incarnation)
                slot.Leases = known = (replica.Options.Incarnation, new LeaseMemory(time, _started));
            slot.Checkpoints = new CheckpointTurn(time);
            var acceptor = slot.Acceptor = new ReplicaAcceptor(replica, options, time, known.Memory);
            if (!replica.IsLoaded)
                _ = loading.LoadAsync(slot, acceptor, reason => MarkBroken(range, acceptor, reason, mayReopen: true));
            return null;
        }
        catch (WalCorruptionException exception) when (exception is not UnknownFormatException)
        {
            slot.IsDamaged = true;
            MarkBroken(slot, range, exception.Message);
            return slot.Broken;
        }
        catch (IOException exception)
        {
            ReplicaHostLog.NotOpened(logger, exception, range);
            return Failure.NotApplied(ErrorCode.Unavailable, $"range {range} cannot be opened on node {node.Name}: {exception.Message}");
        }
        catch (Exception exception)
        {
            MarkBroken(slot, range, exception.Message);
            return slot.Broken;
        }
    }

    private Failure BrokenFailure(RangeId range, string reason) =>
        Failure.NotApplied(ErrorCode.Corruption, $"range {range} is broken on node {node.Name}: {reason}");

    /// <summary>Closes the replica and deletes it, where <paramref name="tryDelete"/>, called when it is closed, does; where not, it is opened again when somebody needs it.</summary>
    private async Task RemoveAsync(RangeId range, Func<bool> tryDelete)
    {
        var slot = SlotOf(range);
        await slot.Checkpoints.EndAsync();
        slot.Leader?.AbortStart();
        await InTurnAsync(slot, async () =>
        {
            await CloseAsync(slot, checkpoint: false, CancellationToken.None);
            if (!tryDelete())
                return;
            slot.IsRemoved = true;
            _slots.TryRemove(KeyValuePair.Create(range, slot));
        });
    }

    private async Task EndLeadershipAsync(ReplicaSlot slot, string heir = "")
    {
        if (slot.Leader is not { } leader)
            return;
        local.Remove(leader);
        await Task.Run(async () => await leader.HandOverAsync(heir));
        slot.Leader = null;
        slot.Activation?.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "its leadership ended"));
        slot.Activation = null;
    }

    private async Task CloseAsync(ReplicaSlot slot, bool checkpoint, CancellationToken cancellationToken)
    {
        await EndLeadershipAsync(slot);
        if (slot.Acceptor is not { } acceptor)
            return;

        await slot.Checkpoints.CloseAsync();

        // A log that failed is not just forgotten with its memory: it is opened again in the order that is due to a broken one.
        if (acceptor.Replica.BrokenReason is { } reason)
            MarkBroken(slot, acceptor.Replica.Range, reason);
        else if (checkpoint && acceptor.Replica.HasChanges)
            await Task.Run(() => WriteCheckpoint(acceptor.Replica, pace: null, cancellationToken), CancellationToken.None);
        slot.Acceptor = null;
        await Task.Run(acceptor.Dispose, CancellationToken.None);
    }

    /// <summary>The data directory is this process's own by now: nobody grants anything on these replicas any more but it.</summary>
    private Task StartAsync(CancellationToken cancellationToken)
    {
        _started = time.GetTimestamp();
        return Task.CompletedTask;
    }

    private Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Open.Select(open => UnloadAsync(open.Range, cancellationToken)).ToList());

    private static async Task InTurnAsync(ReplicaSlot slot, Func<Task> work)
    {
        await slot.Turn.WaitAsync();
        try
        {
            await work();
        }
        finally
        {
            slot.Turn.Release();
        }
    }

    private ReplicaSlot SlotOf(RangeId range) => _slots.GetOrAdd(range, _ => new ReplicaSlot());
}

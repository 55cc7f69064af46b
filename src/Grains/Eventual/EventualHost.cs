using System.Collections.Concurrent;
using GrainDb.Engine.Eventual;
using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// The node's eventual replicas at work: opened when somebody needs them, closed when idle, with a checkpoint. A damaged one is never used again: <see cref="EventualCare"/> puts another
/// one, of a new incarnation, in its place.
/// </summary>
internal sealed class EventualHost(NodeOptions node, NodeStorage storage, TimeProvider time, ILogger<EventualHost> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Runs a flush.</summary>
    public static readonly Action<Action> OnThreadPool = static work => ThreadPool.UnsafeQueueUserWorkItem(static run => run(), work, preferLocal: false);

    private readonly ConcurrentDictionary<RangeId, EventualSlot> _slots = new();
    private volatile bool _isStopping;

    /// <summary>Replicas in memory.</summary>
    public IEnumerable<(RangeId Partition, EventualSlot Slot, EventualReplica Replica)> Open =>
        _slots.Where(slot => slot.Value.Replica is not null).Select(slot => (slot.Key, slot.Value, slot.Value.Replica!));

    /// <summary>Stops after the grains and before the data directory is given back.</summary>
    public void Participate(ISiloLifecycle observer) =>
        observer.Subscribe(nameof(EventualHost), ServiceLifecycleStage.RuntimeInitialize, _ => Task.CompletedTask, StopAsync);

    /// <summary>Whether this node's replica of the range, if it has one, is an eventual one.</summary>
    public bool Holds(RangeId range) => IdOf(range) is not null;

    /// <summary>The id of this node's replica, if it has one that is eventual.</summary>
    public Guid? IdOf(RangeId partition) => storage.FindReplica(partition) is { IsEventual: true } entry ? entry.Id : null;

    /// <summary>The replica with this id, opened where it is idle; null when it is not here, or cannot be used now.</summary>
    public ValueTask<EventualReplica?> FindAsync(RangeId partition, Guid replica)
    {
        if (_slots.TryGetValue(partition, out var slot) && slot is { Replica: { } open, Broken: null } && open.Id == replica)
        {
            slot.Touch(time.GetTimestamp());
            return new(open.BrokenReason is { } reason ? MarkBroken(slot, partition, reason) : open);
        }

        return IdOf(partition) == replica ? OpenAsync(partition, replica) : new((EventualReplica?)null);
    }

    /// <summary>The replica where it is in memory; for what must not keep it there.</summary>
    public EventualReplica? FindOpen(RangeId partition) => _slots.TryGetValue(partition, out var slot) ? slot.Replica : null;

    /// <summary>Whether the replica is damaged, or its files are gone: it will never be usable again.</summary>
    public bool IsBroken(RangeId partition) => _slots.TryGetValue(partition, out var slot) && slot.Broken is not null;

    /// <summary>Writes a checkpoint where something changed, and lets the memory go.</summary>
    public async Task UnloadAsync(RangeId partition, CancellationToken cancellationToken)
    {
        var slot = SlotOf(partition);
        await InTurnAsync(slot, () => CloseAsync(slot, partition, checkpoint: true, cancellationToken));
    }

    /// <summary>Writes a checkpoint of a replica that is in memory, after one that is being written.</summary>
    /// <returns>False when it was not written, which the log says why. True also where the replica is not in memory: its files have everything.</returns>
    public async Task<bool> CheckpointAsync(RangeId partition)
    {
        if (!_slots.TryGetValue(partition, out var slot))
            return true;
        var turn = slot.Checkpoints; // before the replica: that of one that was closed writes nothing
        return slot.Replica is not { } replica || await turn.NowAsync((pace, token) => WriteCheckpoint(replica, pace, token)) is not null;
    }

    /// <summary>Writes one that nobody waits for, in its time.</summary>
    public Task CheckpointWhenDueAsync(RangeId partition, Func<long> bytesPerSecond, CancellationToken stopping)
    {
        if (!_slots.TryGetValue(partition, out var slot))
            return Task.CompletedTask;
        var turn = slot.Checkpoints; // before the replica
        return slot.Replica is { } replica ? turn.WhenDueAsync((pace, token) => WriteCheckpoint(replica, pace, token), bytesPerSecond, stopping) : Task.CompletedTask;
    }

    /// <summary>The keyspace is being deleted: nothing of the partition is acknowledged here any more.</summary>
    public Task RetireAsync(RangeId partition)
    {
        var slot = SlotOf(partition);
        slot.IsRetired = true;
        return InTurnAsync(slot, () => CloseAsync(slot, partition, checkpoint: false, CancellationToken.None));
    }

    /// <summary>Deletes this replica; its id does not come back. Another replica of the partition stays.</summary>
    public Task RemoveReplicaAsync(RangeId partition, Guid replica) =>
        storage.BuryReplica(partition, replica) ? RemoveAsync(partition, () => storage.DeleteReplica(partition, replica)) : Task.CompletedTask;

    /// <summary>The partition is gone for good: nothing of it stays.</summary>
    public Task ForgetAsync(RangeId partition) => RemoveAsync(partition, () => storage.ForgetRange(partition));

    /// <summary>What the node holds of a partition, without loading anything.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="replica">The replica in the manifest.</param>
    public ReplicaReport Report(RangeId partition, Guid replica) => EventualReports.Of(partition, replica, _slots.GetValueOrDefault(partition));

    /// <summary>The replica agreed with all others.</summary>
    public void NoteAgreement(RangeId partition, DateTimeOffset? at)
    {
        if (_slots.TryGetValue(partition, out var slot))
            slot.LastAgreement = at;
    }

    /// <summary>How long ago the replica in memory that has waited longest agreed with all others; zero when none waits.</summary>
    public TimeSpan OldestAgreement()
    {
        var now = time.GetUtcNow();
        return Open.Select(entry => now - (entry.Slot.LastAgreement ?? entry.Slot.FirstOpened ?? now)).DefaultIfEmpty().Max();
    }

    private async ValueTask<EventualReplica?> OpenAsync(RangeId partition, Guid replica)
    {
        var slot = SlotOf(partition);
        await InTurnAsync(slot, () => Task.Run(() => OpenInTurn(slot, partition)));
        return slot is { Broken: null, Replica: { } open } && open.Id == replica ? open : null;
    }

    private void OpenInTurn(EventualSlot slot, RangeId partition)
    {
        if (slot.IsRetired || slot.IsRemoved || slot.Replica is not null || slot.Broken is not null || _isStopping)
            return;
        try
        {
            slot.Touch(time.GetTimestamp());
            slot.Checkpoints = new CheckpointTurn(time);
            slot.Replica = storage.OpenEventualReplica(partition, OnThreadPool);
            slot.FirstOpened ??= time.GetUtcNow();
        }
        catch (Exception exception) when (exception is WalCorruptionException or InvalidDataException)
        {
            MarkBroken(slot, partition, exception.Message);
        }
        catch (IOException exception)
        {
            EventualHostLog.NotOpened(logger, exception, partition);
        }
    }

    private EventualReplica? MarkBroken(EventualSlot slot, RangeId partition, string reason)
    {
        if (slot.Broken is null)
        {
            slot.Broken = Failure.NotApplied(ErrorCode.Corruption, $"partition {partition} is broken on node {node.Name}: {reason}");
            EventualHostLog.Broken(logger, partition, reason);
        }

        return null;
    }

    private async Task RemoveAsync(RangeId partition, Action delete)
    {
        var slot = SlotOf(partition);
        await InTurnAsync(slot, async () =>
        {
            await CloseAsync(slot, partition, checkpoint: false, CancellationToken.None);
            delete();
            slot.IsRemoved = true;
            _slots.TryRemove(KeyValuePair.Create(partition, slot));
        });
    }

    private async Task CloseAsync(EventualSlot slot, RangeId partition, bool checkpoint, CancellationToken cancellationToken)
    {
        if (slot.Replica is not { } replica)
            return;

        await slot.Checkpoints.CloseAsync();

        // A log that failed stays failed, also when its memory goes: what the disk said once is not asked again.
        if (replica.BrokenReason is { } reason)
            MarkBroken(slot, partition, reason);
        else if (checkpoint && replica.HasChanges)
            await Task.Run(() => WriteCheckpoint(replica, pace: null, cancellationToken), CancellationToken.None);
        slot.Replica = null;
        await Task.Run(replica.CloseAsync, CancellationToken.None);
    }

    private Lsn? WriteCheckpoint(EventualReplica replica, CheckpointPace? pace, CancellationToken cancellationToken)
    {
        try
        {
            return replica.Checkpoint(pace, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null; // the log has everything
        }
        catch (Exception exception) when (exception is IOException or WalBrokenException or ObjectDisposedException)
        {
            EventualHostLog.CheckpointFailed(logger, exception, replica.Partition);
            return null;
        }
    }

    private Task StopAsync(CancellationToken cancellationToken)
    {
        _isStopping = true;
        return Task.WhenAll(_slots.Keys.Select(partition => UnloadAsync(partition, cancellationToken)).ToList());
    }

    private static async Task InTurnAsync(EventualSlot slot, Func<Task> work)
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

    private EventualSlot SlotOf(RangeId partition) => _slots.GetOrAdd(partition, _ => new EventualSlot());
}

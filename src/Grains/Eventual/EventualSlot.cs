using GrainDb.Engine.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Eventual;

/// <summary>The place of one eventual replica in its node. Opening and closing happen in <see cref="Turn"/>.</summary>
#pragma warning disable CA1001 // Nothing unmanaged behind its fields, and callers may wait on a slot that was just removed.
internal sealed class EventualSlot
#pragma warning restore CA1001
{
    private long _lastUsed;

    /// <summary>One opening or closing at a time.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>In memory; null when idle or broken.</summary>
    public volatile EventualReplica? Replica;

    /// <summary>Of the replica in memory; another one with every opening.</summary>
    public volatile CheckpointTurn Checkpoints = new(TimeProvider.System);

    /// <summary>Why the replica cannot be used until another one takes its place; null when it can.</summary>
    public volatile Failure? Broken;

    /// <summary>Its keyspace is being deleted: nothing is served any more.</summary>
    public volatile bool IsRetired;

    /// <summary>Its replica was deleted and the slot is not the partition's any more. In the turn.</summary>
    public volatile bool IsRemoved;

    /// <summary>When it last agreed with all others, and when it was first opened, by the wall clock; null before.</summary>
    public DateTimeOffset? LastAgreement { get; set; }

    /// <inheritdoc cref="LastAgreement"/>
    public DateTimeOffset? FirstOpened { get; set; }

    /// <summary>When somebody last read or wrote it; comparing is no use.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    public void Touch(long now) => Volatile.Write(ref _lastUsed, now);
}

using GrainDb.Engine.Ranges;
using GrainDb.Engine.Replication;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Replicas;

/// <summary>The place of one replica in its node: what of it is in memory, and who leads on it. Changes happen in <see cref="Turn"/>.</summary>
#pragma warning disable CA1001 // Nothing unmanaged behind its fields, and callers may wait on a slot that was just removed.
internal sealed class ReplicaSlot
#pragma warning restore CA1001
{
    /// <summary>One opening, leading or closing at a time.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>In memory; null when idle or broken.</summary>
    public volatile ReplicaAcceptor? Acceptor;

    /// <summary>Stands or leads now; null when nobody does.</summary>
    public volatile RangeLeader? Leader;

    /// <summary>The activation of the range's grain on this node, to be ended with <see cref="Leader"/>; null where the node leads without one.</summary>
    public volatile IGrainContext? Activation;

    /// <summary>The range is being deleted: nobody leads it here any more.</summary>
    public volatile bool IsRetired;

    /// <summary>Its replica was deleted and the slot is not the range's any more. In the turn.</summary>
    public volatile bool IsRemoved;

    /// <summary>What the replica granted since the process began; outlives its closing. In the turn.</summary>
    public (Guid Replica, LeaseMemory Memory)? Leases;

    /// <summary>Of the replica in memory; another one with every opening.</summary>
    public volatile CheckpointTurn Checkpoints = new(TimeProvider.System);

    /// <summary>Why the replica cannot be used until it is opened again, filled again or removed; null when it can.</summary>
    public volatile Failure? Broken;

    /// <summary>Broken, and what it promised is gone too: it never votes under its id again.</summary>
    public volatile bool IsLost;

    /// <summary>Broken, because its files were found damaged when they were last opened. Anything else may be gone when they are opened again, and takes nothing from them.</summary>
    public volatile bool IsDamaged;

    /// <summary>Whether a broken replica may be opened again. Not where its leader contradicts what is committed, or the state does not follow the log: that is for a person to look at.</summary>
    public volatile bool MayReopen = true;

    /// <summary>When it was last opened again after it broke. In the turn.</summary>
    public long? ReopenedAt;

    /// <summary>When its log was last put aside. In the turn.</summary>
    public long? RebuiltAt;

    public RangeReplica? Replica => Acceptor?.Replica;
}

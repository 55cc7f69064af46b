using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Hosting;

/// <summary>The place of one replica in its node: what of it is in memory, and who leads on it. Guarded by <see cref="Turn"/>.</summary>
#pragma warning disable CA1001 // Nothing unmanaged behind its fields, and callers may wait on a slot that was just removed.
internal sealed class ReplicaSlot
#pragma warning restore CA1001
{
    /// <summary>One opening, leading or closing at a time.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>In memory; null when idle or broken.</summary>
    public volatile RangeReplica? Replica;

    /// <summary>Leads now; null when nobody does.</summary>
    public volatile RangeLeader? Leader;

    /// <summary>The activation behind <see cref="Leader"/>, to be ended when the range is idle.</summary>
    public volatile IGrainContext? Activation;

    /// <summary>The range is being deleted: nobody leads it here any more.</summary>
    public volatile bool IsRetired;

    /// <summary>Cancelled when the replica is to be closed, so that a checkpoint does not hold that up.</summary>
    public volatile CancellationTokenSource Closing = new();

    /// <summary>Why the replica is damaged, which only its removal ends; null when it is not.</summary>
    public volatile Failure? Broken;
}

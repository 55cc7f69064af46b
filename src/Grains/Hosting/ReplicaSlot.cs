using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;

namespace GrainDb.Grains.Hosting;

/// <summary>The place of one replica in its node: what of it is in memory, and who leads on it. Guarded by <see cref="Turn"/>.</summary>
internal sealed class ReplicaSlot
{
    /// <summary>One opening, leading or closing at a time.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>In memory; null when idle or broken.</summary>
    public volatile RangeReplica? Replica;

    /// <summary>Leads now; null when nobody does.</summary>
    public volatile RangeLeader? Leader;

    /// <summary>The activation behind <see cref="Leader"/>, to be ended when the range is idle.</summary>
    public volatile IGrainContext? Activation;

    /// <summary>Why the replica cannot be opened; null when it can.</summary>
    public volatile Failure? Broken;
}

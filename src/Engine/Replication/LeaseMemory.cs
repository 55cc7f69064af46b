using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>
/// What a replica has granted, which lives as long as its process: longer than a <see cref="ReplicaAcceptor"/>, which is closed and opened again when
/// the replica leaves memory. Only the death of the process forgets it; the successor's replicas make up for that by promising nothing for a
/// while after the *process* began. The acceptor synchronizes.
/// </summary>
public sealed class LeaseMemory
{
    /// <summary>Of a process, or of a replica within it, that begins now.</summary>
    /// <param name="time">The monotonic clock.</param>
    /// <param name="processStarted">When the process began to answer for replicas, as a timestamp of <paramref name="time"/>.</param>
    public LeaseMemory(TimeProvider time, long processStarted)
    {
        ArgumentNullException.ThrowIfNull(time);
        ProcessStarted = processStarted;
        LastHeard = time.GetTimestamp();
    }

    internal long ProcessStarted { get; }

    /// <summary>A leader of before the process began need not be waited for any more.</summary>
    internal bool IsReleased { get; set; }

    internal Candidate Holder { get; set; } = Candidate.None;

    internal long Until { get; set; }

    internal long LastHeard { get; set; }

    internal Timestamp MaxLeaseTimestamp { get; set; }
}

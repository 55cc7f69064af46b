using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Replication;

/// <summary>What a quorum has reached.</summary>
internal static class Quorum
{
    private const int MaxVoters = byte.MaxValue;

    /// <summary>The largest value that a majority of the voters, of both sets when joint, have reached.</summary>
    public static ulong Reached(RangeConfiguration configuration, Func<Guid, ulong> of, ReplicationFaults faults)
    {
        var incoming = Reached(configuration.Voters, of, faults);
        return configuration.IsJoint && !faults.HasFlag(ReplicationFaults.SingleMajority)
            ? Math.Min(incoming, Reached(configuration.Outgoing, of, faults))
            : incoming;
    }

    /// <summary>Whether those of whom <paramref name="isIn"/> holds are a quorum.</summary>
    public static bool IsReached(RangeConfiguration configuration, Func<Guid, bool> isIn, ReplicationFaults faults) =>
        Reached(configuration, id => isIn(id) ? 1UL : 0UL, faults) == 1;

    private static ulong Reached(ReplicaDescriptor[] voters, Func<Guid, ulong> of, ReplicationFaults faults)
    {
        if (voters.Length == 0)
            return 0;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(voters.Length, MaxVoters, nameof(voters));
        Span<ulong> values = stackalloc ulong[voters.Length];
        for (var i = 0; i < voters.Length; i++)
            values[i] = of(voters[i].Id);
        values.Sort();
        var majority = (voters.Length / 2) + (faults.HasFlag(ReplicationFaults.MajorityOffByOne) ? 0 : 1);
        return values[^Math.Max(1, majority)];
    }
}

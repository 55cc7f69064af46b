using System.IO.Hashing;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// Which replica coordinates the writes of a key that may be repeated: always the one on the same node, whoever is asked and whatever order of preference the partition has, so that a repetition meets what the first
/// attempt left. Chosen by the key's hash, so that the replicas share the work.
/// </summary>
public static class IdempotencyCoordinator
{
    /// <summary>The replica that coordinates.</summary>
    /// <param name="configuration">Who holds the partition.</param>
    /// <param name="key">The user's key.</param>
    public static ReplicaDescriptor Of(PartitionConfiguration configuration, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ReplicaDescriptor[] members = [.. configuration.Members.OrderBy(member => member.Node, StringComparer.Ordinal)];
        return members[(int)(XxHash3.HashToUInt64(key) % (ulong)members.Length)];
    }
}

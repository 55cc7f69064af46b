using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Cluster.Tests.Eventual;

/// <summary>Eventual keyspaces of tests, and what their replicas say of themselves.</summary>
internal static class EventualKeyspaces
{
    public static async Task<EventualClient> CreateEventualAsync(this GrainDbCluster cluster, string name, ConflictPolicy policy, int partitions = 4)
    {
        var wanted = new KeyspaceDescriptor { Name = name, Family = KeyspaceFamily.Eventual, Partitioning = KeyspacePartitioning.Hash, Partitions = partitions, Conflict = policy };
        await cluster.Keyspaces(0).CreateAsync(wanted, TestContext.Current.CancellationToken);
        return new EventualClient(cluster, name);
    }

    /// <summary>Waits until all replicas of the keyspace take part and hold the same.</summary>
    public static Task UntilAgreedAsync(this GrainDbCluster cluster, string keyspace, int node = 0) =>
        cluster.UntilAsync(async () =>
        {
            try
            {
                return (await cluster.View(node).GetRangesAsync(keyspace, unhealthyOnly: false, CancellationToken.None)).All(HasAgreed);
            }
            catch (GrainDbException)
            {
                return false; // the meta range has no leader for a moment
            }
        });

    /// <summary>One that nobody ever asked for anything is in memory nowhere.</summary>
    private static bool HasAgreed(RangeStatus range) =>
        range.Replicas.All(replica => replica.State == ReplicaState.Idle && replica.Lsn.Value == 0)
        || (range.Replicas.All(replica => replica is { State: ReplicaState.Member, Eventual: not null }) && range.Replicas.Select(replica => replica.Eventual!.Root).Distinct().Count() == 1);
}

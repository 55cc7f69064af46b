using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Keyspaces;

/// <summary>One keyspace as the API shows it; what a client sent comes back in the same members.</summary>
public sealed record KeyspaceView(
    string Name,
    string Family,
    string Partitioning,
    int Partitions,
    int ReplicationFactor,
    string Retention,
    string DefaultIsolation,
    IReadOnlyList<SplitKey> SplitKeys,
    bool System,
    long Generation)
{
    internal static KeyspaceView Of(KeyspaceDescriptor keyspace) => new(
        keyspace.Name,
        keyspace.Family == KeyspaceFamily.Strong ? "strong" : "eventual",
        keyspace.Partitioning == KeyspacePartitioning.Range ? "range" : "hash",
        keyspace.Partitions,
        keyspace.ReplicationFactor,
        Duration.Format(keyspace.Retention),
        Transactions.Isolation.NameOf(keyspace.DefaultIsolation),
        [.. keyspace.SplitKeys.Select(key => new SplitKey(key))],
        keyspace.IsSystem,
        keyspace.Generation);
}

/// <summary>All keyspaces by name.</summary>
/// <param name="Keyspaces">The keyspaces.</param>
public sealed record KeyspaceList(IReadOnlyList<KeyspaceView> Keyspaces);

using System.ComponentModel;
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
    [property: Description("Null for an eventual keyspace, which keeps no versions.")] string? Retention,
    [property: Description("Null for an eventual keyspace, which takes no part in transactions.")] string? DefaultIsolation,
    [property: Description("What is done with concurrent writes; null for a strong keyspace, which has none.")] string? Conflict,
    [property: Description("Whether hints count toward the level of a write; null for a strong keyspace.")] bool? Sloppy,
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
        keyspace.Family == KeyspaceFamily.Strong ? Duration.Format(keyspace.Retention) : null,
        keyspace.Family == KeyspaceFamily.Strong ? Transactions.Isolation.NameOf(keyspace.DefaultIsolation) : null,
        keyspace.Family == KeyspaceFamily.Eventual ? KeyspaceFinder.NameOf(keyspace.Conflict) : null,
        keyspace.Family == KeyspaceFamily.Eventual ? keyspace.Sloppy : null,
        [.. keyspace.SplitKeys.Select(key => new SplitKey(key))],
        keyspace.IsSystem,
        keyspace.Generation);
}

/// <summary>All keyspaces by name.</summary>
/// <param name="Keyspaces">The keyspaces.</param>
public sealed record KeyspaceList(IReadOnlyList<KeyspaceView> Keyspaces);

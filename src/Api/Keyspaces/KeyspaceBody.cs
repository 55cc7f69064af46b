using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Keyspaces;

/// <summary>The body of <c>PUT /v1/keyspaces/{name}</c> and, for what may change, of <c>PATCH</c>.</summary>
public sealed record KeyspaceBody
{
    [Description("strong (default): linearizable keys, transactions. eventual: any replica accepts writes.")]
    public string? Family { get; init; }

    [Description("range (default of strong keyspaces): keys in order. hash (the only one of eventual keyspaces): even load, scans in the order of the hashes.")]
    public string? Partitioning { get; init; }

    [Description("Number of ranges at creation, 1 to 4096; 32 by default in eventual keyspaces, else 1. Under range partitioning it is one more than splitKeys.")]
    public int? Partitions { get; init; }

    [Description("Replicas of each range, 1 to 7.")]
    public int? ReplicationFactor { get; init; }

    [Description("How long old versions stay readable: 60s to 365d, 1h by default. May change. Not of eventual keyspaces, which keep none.")]
    public string? Retention { get; init; }

    [Description("snapshot (default) or serializable: isolation of transactions that name none; of several keyspaces the strictest counts. May change.")]
    public string? DefaultIsolation { get; init; }

    [Description("Keys at which a range-partitioned keyspace is cut, ascending: a string, or {\"key64\": …} for arbitrary bytes.")]
    public IReadOnlyList<SplitKey>? SplitKeys { get; init; }

    [Description("Of eventual keyspaces, what is done with concurrent writes: siblings (default), lww, crdt:counter, crdt:orset, crdt:lwwmap or crdt:register.")]
    public string? Conflict { get; init; }

    [Description("Of eventual keyspaces: whether hints that other nodes keep for a replica count toward the level of a write; false by default.")]
    public bool? Sloppy { get; init; }

    [Description("Not offered in this version.")]
    public JsonElement Placement { get; init; }
}

using System.ComponentModel;
using System.Text.Json;

namespace GrainDb.Api.Keyspaces;

/// <summary>The body of <c>PUT /v1/keyspaces/{name}</c> and, for what may change, of <c>PATCH</c>.</summary>
public sealed record KeyspaceBody
{
    [Description("strong (default).")]
    public string? Family { get; init; }

    [Description("range (default): keys in order. hash: even load, scans in the order of the hashes.")]
    public string? Partitioning { get; init; }

    [Description("Number of ranges at creation, 1 to 4096. Under range partitioning it is one more than splitKeys.")]
    public int? Partitions { get; init; }

    [Description("Replicas of each range, 1 to 7.")]
    public int? ReplicationFactor { get; init; }

    [Description("How long old versions stay readable: 60s to 365d, 1h by default. May change.")]
    public string? Retention { get; init; }

    [Description("snapshot (default) or serializable: isolation of transactions that name none; of several keyspaces the strictest counts. May change.")]
    public string? DefaultIsolation { get; init; }

    [Description("Keys at which a range-partitioned keyspace is cut, ascending: a string, or {\"key64\": …} for arbitrary bytes.")]
    public IReadOnlyList<SplitKey>? SplitKeys { get; init; }

    [Description("Not offered in this version.")]
    public JsonElement Conflict { get; init; }

    [Description("Not offered in this version.")]
    public JsonElement Sloppy { get; init; }

    [Description("Not offered in this version.")]
    public JsonElement Placement { get; init; }
}

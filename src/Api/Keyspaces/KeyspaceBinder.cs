using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Keyspaces;

/// <summary>From a body to a descriptor; every refusal names member, value and bound.</summary>
internal static class KeyspaceBinder
{
    /// <summary>A name for a keyspace to be created, changed or deleted by a client.</summary>
    public static void CheckName(string name)
    {
        if (!KeyspaceName.IsValid(name))
            throw BadInput.Request($"The keyspace name '{QueryParameters.Shorten(name)}' is not valid: it is {KeyspaceName.Rule}.");
        if (name.StartsWith(KeyspaceName.SystemPrefix, StringComparison.Ordinal))
            throw BadInput.Of(ErrorCode.Forbidden, $"The keyspace '{name}' cannot be created, changed or deleted: names under {KeyspaceName.SystemPrefix} are the system's.");
    }

    public static KeyspaceDescriptor Bind(string name, KeyspaceBody body)
    {
        CheckName(name);
        RefuseWhatIsNotOffered(body);
        if (body.Family == "eventual")
            return BindEventual(name, body);
        if (body.Conflict is not null || body.Sloppy is not null)
            throw BadInput.Unsupported($"{(body.Conflict is not null ? "conflict" : "sloppy")} belongs to family eventual: in a strong keyspace writes have an order, and never conflict.");
        var partitioning = body.Partitioning switch
        {
            null or "range" => KeyspacePartitioning.Range,
            "hash" => KeyspacePartitioning.Hash,
            var other => throw Wrong("partitioning", other, "range or hash"),
        };
        var splitKeys = BindSplitKeys(body.SplitKeys, partitioning);
        return new KeyspaceDescriptor
        {
            Name = name,
            Family = KeyspaceFamily.Strong,
            Partitioning = partitioning,
            Partitions = BindPartitions(body.Partitions, partitioning, splitKeys),
            ReplicationFactor = BindFactor(body.ReplicationFactor),
            Retention = body.Retention is null ? TimeSpan.FromHours(1) : BindRetention(body.Retention),
            SplitKeys = splitKeys,
            DefaultIsolation = BindIsolation(body) ?? IsolationLevel.Snapshot,
        };
    }

    private static KeyspaceDescriptor BindEventual(string name, KeyspaceBody body)
    {
        if (body.Partitioning is not (null or "hash"))
        {
            throw body.Partitioning == "range"
                ? BadInput.Unsupported("partitioning 'range' is not offered by family eventual: it has no scans; its partitions are even parts of the hashes.")
                : Wrong("partitioning", body.Partitioning, "hash in an eventual keyspace");
        }

        if (body.SplitKeys is { Count: > 0 })
            throw BadInput.Unsupported("splitKeys belong to partitioning range, which family eventual does not offer.");
        if (body.Retention is not null)
            throw BadInput.Unsupported("retention is not offered by family eventual: it keeps no old versions.");
        if (body.DefaultIsolation is not null)
            throw BadInput.Unsupported("defaultIsolation is not offered by family eventual: it takes no part in transactions.");
        return new KeyspaceDescriptor
        {
            Name = name,
            Family = KeyspaceFamily.Eventual,
            Partitioning = KeyspacePartitioning.Hash,
            Partitions = Bounded("partitions", body.Partitions ?? KeyspaceLimits.DefaultEventualPartitions, KeyspaceLimits.MaxPartitions),
            ReplicationFactor = BindFactor(body.ReplicationFactor),
            Conflict = body.Conflict switch
            {
                null or "siblings" => ConflictPolicy.Siblings,
                "lww" => ConflictPolicy.LastWriterWins,
                "crdt:counter" => ConflictPolicy.Counter,
                "crdt:orset" => ConflictPolicy.ObservedRemoveSet,
                "crdt:lwwmap" => ConflictPolicy.LastWriterWinsMap,
                "crdt:register" => ConflictPolicy.Register,
                var other => throw Wrong("conflict", other, "siblings, lww, crdt:counter, crdt:orset, crdt:lwwmap or crdt:register"),
            },
            Sloppy = body.Sloppy ?? false,
        };
    }

    private static int BindFactor(int? factor) => factor is { } wanted
        ? Bounded("replicationFactor", wanted, KeyspaceLimits.MaxReplicationFactor)
        : KeyspaceDescriptor.DefaultReplicationFactor;

    /// <summary>What is to change; everything else is fixed at creation.</summary>
    public static KeyspacePatch BindPatch(string name, KeyspaceBody body)
    {
        CheckName(name);
        RefuseWhatIsNotOffered(body);
        var fixedMember = body switch
        {
            { Family: not null } => "family",
            { Partitioning: not null } => "partitioning",
            { Partitions: not null } => "partitions",
            { ReplicationFactor: not null } => "replicationFactor",
            { SplitKeys: not null } => "splitKeys",
            { Conflict: not null } => "conflict",
            { Sloppy: not null } => "sloppy",
            _ => null,
        };
        if (fixedMember is not null)
            throw BadInput.Request($"{fixedMember} is fixed when the keyspace is created; only retention and defaultIsolation may change.");
        return body.Retention is null && body.DefaultIsolation is null
            ? throw BadInput.Request("retention and defaultIsolation are missing; they are what may change.")
            : new KeyspacePatch(body.Retention is null ? null : BindRetention(body.Retention), BindIsolation(body));
    }

    private static IsolationLevel? BindIsolation(KeyspaceBody body) => Transactions.Isolation.Parse(body.DefaultIsolation, "defaultIsolation");

    private static void RefuseWhatIsNotOffered(KeyspaceBody body)
    {
        if (body.Family is not (null or "strong" or "eventual"))
            throw Wrong("family", body.Family, "strong or eventual");
        RefuseGiven("placement", body.Placement);
    }

    private static void RefuseGiven(string member, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Undefined)
            throw BadInput.Request($"{member} is not offered in this version.");
    }

    private static int BindPartitions(int? partitions, KeyspacePartitioning partitioning, byte[][] splitKeys)
    {
        if (partitioning == KeyspacePartitioning.Hash)
            return Bounded("partitions", partitions ?? 1, KeyspaceLimits.MaxPartitions);
        var cut = splitKeys.Length + 1;
        if (partitions is { } wanted && Bounded("partitions", wanted, KeyspaceLimits.MaxPartitions) != cut)
            throw BadInput.Request($"partitions is {wanted}, but {splitKeys.Length} splitKeys cut a range-partitioned keyspace into {cut}. Give partitions - 1 splitKeys, or partitioning hash.");
        return cut;
    }

    private static byte[][] BindSplitKeys(IReadOnlyList<SplitKey>? splitKeys, KeyspacePartitioning partitioning)
    {
        if (splitKeys is null || splitKeys.Count == 0)
            return [];
        if (partitioning == KeyspacePartitioning.Hash)
            throw BadInput.Request("splitKeys belong to partitioning range; a hash-partitioned keyspace is cut evenly by partitions.");
        if (splitKeys.Count >= KeyspaceLimits.MaxPartitions)
            throw BadInput.Request($"splitKeys has {splitKeys.Count} keys; the limit is {KeyspaceLimits.MaxPartitions - 1}.");
        var keys = new byte[splitKeys.Count][];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = splitKeys[i]?.Bytes ?? throw BadInput.Request($"splitKeys[{i}] is null.");
            if (KeyDecoder.CheckLength(keys[i]) is { } failure)
                throw BadInput.Of(failure.Code, $"splitKeys[{i}]: {failure.Detail}");
            if (i > 0 && keys[i - 1].AsSpan().SequenceCompareTo(keys[i]) >= 0)
                throw BadInput.Request($"splitKeys[{i}] is not above splitKeys[{i - 1}]; they must ascend by their bytes.");
        }

        return keys;
    }

    private static TimeSpan BindRetention(string text)
    {
        if (!Duration.TryParse(text, out var retention))
            throw Wrong("retention", text, Duration.Syntax);
        return retention >= KeyspaceLimits.MinRetention && retention <= KeyspaceLimits.MaxRetention
            ? retention
            : throw Wrong("retention", text, $"from {Duration.Format(KeyspaceLimits.MinRetention)} to {Duration.Format(KeyspaceLimits.MaxRetention)}");
    }

    private static int Bounded(string member, int value, int most) => value >= 1 && value <= most
        ? value
        : throw BadInput.Request($"{member} is {value}; it must be from 1 to {most}.");

    private static GrainDbException Wrong(string member, string value, string rule) =>
        BadInput.Request($"{member} is '{QueryParameters.Shorten(value)}'; it must be {rule}.");
}

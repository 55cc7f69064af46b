using System.Text.RegularExpressions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>What a keyspace may be.</summary>
internal static partial class KeyspaceRules
{
    /// <summary>Replicas of a range where nobody names a number and there are as many nodes.</summary>
    public const int DefaultReplicationFactor = 3;

    /// <summary>Names member, value and bound of what is wrong; null when nothing is.</summary>
    public static Failure? Check(KeyspaceDescriptor keyspace) =>
        Problem(keyspace) is { } problem ? Failure.NotApplied(ErrorCode.InvalidRequest, problem)
        : FamilyProblem(keyspace) is { } unsupported ? Failure.NotApplied(ErrorCode.UnsupportedForFamily, unsupported)
        : null;

    /// <summary>How many replicas the ranges get; a number that was asked for stays as it is.</summary>
    public static int FactorFor(KeyspaceDescriptor keyspace, int nodes) =>
        keyspace.ReplicationFactor == KeyspaceDescriptor.DefaultReplicationFactor ? Math.Min(DefaultReplicationFactor, nodes) : keyspace.ReplicationFactor;

    /// <summary>Whether what is asked for is what is there; who names no replication factor takes any.</summary>
    public static bool SameConfiguration(KeyspaceDescriptor existing, KeyspaceDescriptor wanted) =>
        existing.Family == wanted.Family
        && existing.Partitioning == wanted.Partitioning
        && existing.Partitions == wanted.Partitions
        && (wanted.ReplicationFactor == KeyspaceDescriptor.DefaultReplicationFactor || existing.ReplicationFactor == wanted.ReplicationFactor)
        && existing.Retention == wanted.Retention
        && existing.Conflict == wanted.Conflict
        && existing.Sloppy == wanted.Sloppy
        && existing.DefaultIsolation == wanted.DefaultIsolation
        && existing.SplitKeys.Count == wanted.SplitKeys.Count
        && existing.SplitKeys.Zip(wanted.SplitKeys).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private static string? Problem(KeyspaceDescriptor keyspace)
    {
        if (!NamePattern.IsMatch(keyspace.Name))
            return $"name '{keyspace.Name}': 1 to {KeyspaceLimits.MaxNameLength} of a-z 0-9 - _ . beginning with a letter";
        if (keyspace.IsSystem)
            return $"name '{keyspace.Name}': names that begin with 'system.' belong to the system";
        if (!Enum.IsDefined(keyspace.Conflict))
            return $"conflict {(int)keyspace.Conflict}: there is no such policy";
        if (keyspace.Partitions is < 1 or > KeyspaceLimits.MaxPartitions)
            return $"partitions {keyspace.Partitions}: 1 to {KeyspaceLimits.MaxPartitions}";
        if (keyspace.ReplicationFactor is not (KeyspaceDescriptor.DefaultReplicationFactor or (>= 1 and <= KeyspaceLimits.MaxReplicationFactor)))
            return $"replicationFactor {keyspace.ReplicationFactor}: 1 to {KeyspaceLimits.MaxReplicationFactor}";
        if (keyspace.Retention < KeyspaceLimits.MinRetention || keyspace.Retention > KeyspaceLimits.MaxRetention)
            return $"retention {keyspace.Retention}: {KeyspaceLimits.MinRetention} to {KeyspaceLimits.MaxRetention}";
        if (!Enum.IsDefined(keyspace.DefaultIsolation))
            return $"defaultIsolation {keyspace.DefaultIsolation}: snapshot or serializable";
        return keyspace.Partitioning == KeyspacePartitioning.Hash ? HashProblem(keyspace) : RangeProblem(keyspace);
    }

    private static string? FamilyProblem(KeyspaceDescriptor keyspace)
    {
        if (keyspace.Family == KeyspaceFamily.Eventual)
            return keyspace.Partitioning == KeyspacePartitioning.Hash ? null : "partitioning 'range': keys of an eventual keyspace are spread by their hash; partitioning is 'hash'";
        return keyspace.Conflict != default ? "conflict: keys of a strong keyspace have one value; only an eventual one has a policy for several"
            : keyspace.Sloppy ? "sloppy: only an eventual keyspace counts hints"
            : null;
    }

    private static string? HashProblem(KeyspaceDescriptor keyspace) =>
        keyspace.SplitKeys.Count > 0 ? "splitKeys: only with partitioning 'range'; give 'partitions' instead" : null;

    private static string? RangeProblem(KeyspaceDescriptor keyspace)
    {
        if (keyspace.Partitions != keyspace.SplitKeys.Count + 1)
            return $"partitions {keyspace.Partitions}: with partitioning 'range' it is the number of splitKeys plus one, {keyspace.SplitKeys.Count + 1}";
        for (var i = 0; i < keyspace.SplitKeys.Count; i++)
        {
            if (keyspace.SplitKeys[i].Length is 0 or > KeyLimits.MaxKeyBytes)
                return $"splitKeys[{i}]: 1 to {KeyLimits.MaxKeyBytes} bytes";
            if (i > 0 && keyspace.SplitKeys[i - 1].AsSpan().SequenceCompareTo(keyspace.SplitKeys[i]) >= 0)
                return $"splitKeys[{i}]: the keys must ascend";
        }

        return null;
    }

    [GeneratedRegex("^[a-z][a-z0-9._-]{0,63}$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex NamePattern { get; }
}

using System.Text.RegularExpressions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Grains.Meta;

/// <summary>What a keyspace may be.</summary>
internal static partial class KeyspaceRules
{
    /// <summary>Replicas of a range that this version keeps.</summary>
    private const int OfferedReplicationFactor = 1;

    /// <summary>Names member, value and bound of what is wrong; null when nothing is.</summary>
    public static Failure? Check(KeyspaceDescriptor keyspace) => Problem(keyspace) is { } problem
        ? Failure.NotApplied(keyspace.Family == KeyspaceFamily.Eventual ? ErrorCode.UnsupportedForFamily : ErrorCode.InvalidRequest, problem)
        : null;

    public static bool SameConfiguration(KeyspaceDescriptor left, KeyspaceDescriptor right) =>
        left.Family == right.Family
        && left.Partitioning == right.Partitioning
        && left.Partitions == right.Partitions
        && left.ReplicationFactor == right.ReplicationFactor
        && left.Retention == right.Retention
        && left.SplitKeys.Count == right.SplitKeys.Count
        && left.SplitKeys.Zip(right.SplitKeys).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    private static string? Problem(KeyspaceDescriptor keyspace)
    {
        if (!NamePattern.IsMatch(keyspace.Name))
            return $"name '{keyspace.Name}': 1 to {KeyspaceLimits.MaxNameLength} of a-z 0-9 - _ . beginning with a letter";
        if (keyspace.IsSystem)
            return $"name '{keyspace.Name}': names that begin with 'system.' belong to the system";
        if (keyspace.Family == KeyspaceFamily.Eventual)
            return "family 'eventual' is not offered in this version";
        if (keyspace.Partitions is < 1 or > KeyspaceLimits.MaxPartitions)
            return $"partitions {keyspace.Partitions}: 1 to {KeyspaceLimits.MaxPartitions}";
        if (keyspace.ReplicationFactor != OfferedReplicationFactor)
            return $"replicationFactor {keyspace.ReplicationFactor}: this version keeps {OfferedReplicationFactor} replica of a range";
        if (keyspace.Retention < KeyspaceLimits.MinRetention || keyspace.Retention > KeyspaceLimits.MaxRetention)
            return $"retention {keyspace.Retention}: {KeyspaceLimits.MinRetention} to {KeyspaceLimits.MaxRetention}";
        return keyspace.Partitioning == KeyspacePartitioning.Hash ? HashProblem(keyspace) : RangeProblem(keyspace);
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

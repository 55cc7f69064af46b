using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>Where a transaction lies that came whole, and what it is to the one range in which it does.</summary>
internal static class TransactRoute
{
    /// <summary>The one range that has everything of it; null where there is none, and where a snapshot is asked for that is not the present.</summary>
    public static (KeyspaceMap Map, RangeDescriptor Range)? Find(MetaSnapshot snapshot, TransactRequest request)
    {
        if (!request.AsOf.IsZero)
            return null;
        KeyspaceMap? map = null;
        RangeDescriptor? range = null;
        foreach (var (keyspace, key) in Keys(request))
        {
            map ??= snapshot.FindActive(keyspace);
            if (map is null || map.Keyspace.Name != keyspace || map.Keyspace.Family != KeyspaceFamily.Strong)
                return null;
            var here = map.Find(map.RoutingKeyOf(key).Span);
            range ??= here;
            if (range != here)
                return null;
        }

        // Under hash partitioning an interval of the user's keys is everywhere.
        return map is not null && range is not null && request.Reads.All(read => !read.IsScan || (map.Keyspace.Partitioning == KeyspacePartitioning.Range && EndsIn(range, read)))
            ? (map, range)
            : null;
    }

    /// <summary>The keyspaces that it touches.</summary>
    public static IEnumerable<string> Keyspaces(TransactRequest request) => Keys(request).Select(key => key.Keyspace).Distinct(StringComparer.Ordinal);

    /// <summary>The request in routing keys.</summary>
    public static TransactRequest ToRange(TransactRequest request, KeyspaceMap map) => request with
    {
        Checks = [.. request.Checks.Select(check => check with { Keyspace = "", Key = map.RoutingKeyOf(check.Key) })],
        Reads = [.. request.Reads.Select(read => read with { Keyspace = "", Start = map.RoutingKeyOf(read.Start) })],
        Writes = [.. request.Writes.Select(write => write with { Keyspace = "", Write = write.Write with { Key = map.RoutingKeyOf(write.Write.Key) } })],
    };

    private static IEnumerable<(string Keyspace, ReadOnlyMemory<byte> Key)> Keys(TransactRequest request) =>
        request.Checks.Select(check => (check.Keyspace, check.Key))
            .Concat(request.Reads.Select(read => (read.Keyspace, read.Start)))
            .Concat(request.Writes.Select(write => (write.Keyspace, write.Write.Key)));

    private static bool EndsIn(RangeDescriptor range, TransactRead read) =>
        range.End is null || (read.End is { } end && end.Span.SequenceCompareTo(range.End) <= 0);
}

using System.Text.Json;
using GrainDb.Faults.Clusters;

namespace GrainDb.Faults.Eventual;

/// <summary>What the nodes say of the partitions of a keyspace and of their repair. To look repairs nothing, which a read would.</summary>
internal static class Partitions
{
    /// <summary>Waits until the replicas of every partition hold the same.</summary>
    /// <param name="calls">How to ask.</param>
    /// <param name="through">Whom.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="keys">Keys that all partitions together must have at least.</param>
    /// <param name="isLate">Whether the time is up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Bytes of one copy of the keyspace; null when the time was up first.</returns>
    public static async Task<long?> AgreeAsync(EventualCalls calls, ClusterNode through, string keyspace, int keys, Func<bool> isLate, CancellationToken cancellationToken)
    {
        while (true)
        {
            var answer = await calls.SendAsync(HttpMethod.Get, through, $"ranges?keyspace={keyspace}");
            if (answer.IsDone && BytesOf(answer, keys) is { } bytes)
                return bytes;
            if (isLate())
                return null;
            await Task.Delay(50, cancellationToken); // between two questions to other processes
        }
    }

    /// <returns>Null of a replica that is not in memory, or whose node does not answer.</returns>
    private static string? RootOf(JsonElement replica) =>
        replica.TryGetProperty("eventual", out var eventual) && eventual.ValueKind == JsonValueKind.Object ? eventual.GetProperty("root").GetString() : null;

    private static long? BytesOf(EventualAnswer answer, int keys)
    {
        var (found, bytes) = (0L, 0L);
        foreach (var range in answer.Json.GetProperty("ranges").EnumerateArray())
        {
            var roots = range.GetProperty("replicas").EnumerateArray().Select(RootOf).Distinct().ToList();
            if (roots is not [{ }])
                return null;
            found += range.GetProperty("keys").GetInt64();
            bytes += range.GetProperty("bytes").GetInt64();
        }

        return found >= keys ? bytes : null;
    }
}

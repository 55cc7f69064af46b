using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>
/// What must be true of a history once nothing is on its way any more, as the model of the protocol states it: Atomic, DecisionStable, SnapshotExact,
/// SnapshotIsolation, LocksHold, RealTime.
/// </summary>
internal static class HistoryCheck
{
    /// <returns>What is not true; empty when everything is.</returns>
    public static IReadOnlyList<string> Violations(ModelCluster cluster, IReadOnlyList<ObservedTransaction> history)
    {
        var violations = new List<string>();
        var committed = new Dictionary<TransactionId, Timestamp>();
        foreach (var one in history)
        {
            if (Outcome(cluster, one, violations) is { } at)
                committed[one.Id] = at;
        }

        foreach (var one in history)
        {
            CheckReads(cluster, one, violations);
            if (committed.TryGetValue(one.Id, out var at))
                CheckCommit(cluster, one, at, violations);
            foreach (var earlier in history.Where(earlier => earlier.AnsweredAt < one.BeganAt && committed.ContainsKey(earlier.Id)))
            {
                if (earlier.Writes.Any(one.Reads.ContainsKey) && committed[earlier.Id] > one.ReadTimestamp)
                    violations.Add($"RealTime: {one.Id} began after {earlier.Id} was acknowledged at {committed[earlier.Id]} and read at {one.ReadTimestamp}");
            }
        }

        return violations;
    }

    /// <summary>All of it at one timestamp, or nothing of it, and what the client was told is that.</summary>
    private static Timestamp? Outcome(ModelCluster cluster, ObservedTransaction one, List<string> violations)
    {
        var made = cluster.VersionsOf(one.Id).ToList();
        var timestamps = made.Select(version => version.Version.Commit).Distinct().ToList();
        if (timestamps.Count > 1 || (made.Count > 0 && made.Count != one.Writes.Count))
            violations.Add($"Atomic: {one.Id} wrote {one.Writes.Count} keys and made {made.Count} versions at {string.Join(", ", timestamps)}");
        if (one.Result is { Failure: null } success && one.Writes.Count > 0 && (made.Count == 0 || success.CommitTimestamp != timestamps[0]))
            violations.Add($"DecisionStable: {one.Id} was told committed at {success.CommitTimestamp} and has {made.Count} versions");
        if (one.Result is { Failure.Outcome: Interfaces.Errors.Outcome.NotApplied } && made.Count > 0)
            violations.Add($"DecisionStable: {one.Id} was told {one.Result.Failure.Code} and has {made.Count} versions");
        if (made.Count > 0)
            return timestamps[0];
        return one.Result is { Failure: null } && one.Writes.Count == 0 ? one.ReadTimestamp : null;
    }

    private static void CheckReads(ModelCluster cluster, ObservedTransaction one, List<string> violations)
    {
        foreach (var ((keyspace, key), version) in one.Reads)
        {
            // A lost snapshot is never read again; what was read of it before is as of where it was.
            var newest = cluster.Versions(keyspace, key).LastOrDefault(there => there.Commit <= one.ReadTimestamp);
            var expected = newest is { Value: not null } ? newest.Commit : Timestamp.Zero;
            if (version != expected)
                violations.Add($"SnapshotExact: {one.Id} read {keyspace}/{key} at {one.ReadTimestamp} and saw {version}, not {expected} of {newest?.Writer}");
        }

    }

    private static void CheckCommit(ModelCluster cluster, ObservedTransaction one, Timestamp at, List<string> violations)
    {
        if (one.Writes.Count > 0 && at <= one.ReadTimestamp)
            violations.Add($"SnapshotIsolation: {one.Id} committed at {at}, not above its snapshot {one.ReadTimestamp}");
        foreach (var (keyspace, key) in one.Writes)
        {
            if (cluster.Versions(keyspace, key).FirstOrDefault(there => there.Writer != one.Id && there.Commit > one.ReadTimestamp && there.Commit <= at) is { } other)
                violations.Add($"SnapshotIsolation: {one.Id} ({one.ReadTimestamp} to {at}) overwrote {keyspace}/{key} of {other.Writer} at {other.Commit}");
        }

        if (one.Isolation != IsolationLevel.Serializable || one.Writes.Count == 0)
            return;
        foreach (var (keyspace, key) in one.Reads.Keys)
        {
            if (cluster.Versions(keyspace, key).FirstOrDefault(there => there.Writer != one.Id && there.Commit > one.ReadTimestamp && there.Commit < at) is { } other)
                violations.Add($"LocksHold: {keyspace}/{key}, read by {one.Id} at {one.ReadTimestamp} for its commit at {at}, changed at {other.Commit}");
        }
    }
}

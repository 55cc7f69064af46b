using GrainDb.Interfaces.Keys;

namespace GrainDb.Histories;

/// <summary>
/// Compares a history with the versions that the database holds in the end. Three promises: what was acknowledged is there
/// (durability); what is there was asked for, was not refused, and is there once; every read, at whatever replica and snapshot, saw
/// exactly what the versions say for its timestamp, so that no commit ever slipped in at or below a timestamp that was served.
/// </summary>
public static class VersionsChecker
{
    /// <summary>Checks one history.</summary>
    /// <param name="operations">All operations on all keys.</param>
    /// <param name="versions">All versions of every key of the history, of any order; nothing was collected as garbage.</param>
    public static IEnumerable<Violation> Check(IReadOnlyList<Operation> operations, IReadOnlyDictionary<string, IReadOnlyList<KeyVersion>> versions)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(versions);
        foreach (var key in operations.GroupBy(operation => operation.Key))
        {
            var held = versions.TryGetValue(key.Key, out var found) ? found.OrderBy(version => version.Version).ToArray() : [];
            foreach (var violation in Key([.. key], held))
                yield return violation;
        }
    }

    private static IEnumerable<Violation> Key(IReadOnlyList<Operation> operations, KeyVersion[] held)
    {
        var byVersion = held.ToDictionary(version => version.Version);
        foreach (var write in operations.Where(operation => operation is { Outcome: OperationOutcome.Ok, IsChange: true }))
        {
            if (!byVersion.TryGetValue(write.Version, out var version))
                yield return new("durability", $"an acknowledged write is lost: {write}");
            else if (version.Value != write.Value)
                yield return new("durability", $"version {version.Version} holds {version.Value ?? "a tombstone"}, acknowledged was {write}");
        }

        foreach (var violation in Origins(operations, held))
            yield return violation;
        foreach (var read in operations.Where(operation => operation is { Outcome: OperationOutcome.Ok, Kind: OperationKind.Read, ReadAt.IsZero: false }))
        {
            var expected = At(held, read.ReadAt);
            if (expected != read.Seen)
                yield return new("snapshots", $"at {read.ReadAt} the key holds {expected}, but that is not what was read: {read}");
        }
    }

    private static IEnumerable<Violation> Origins(IReadOnlyList<Operation> operations, KeyVersion[] held)
    {
        var writers = operations.Where(operation => operation.Value is not null).ToDictionary(operation => operation.Value!);
        var seen = new HashSet<string>();
        foreach (var version in held)
        {
            if (version.Value is not { } value)
                continue;
            if (!writers.TryGetValue(value, out var writer))
                yield return new("origin", $"nobody wrote {value}, which is there at {version.Version}");
            else if (writer.Outcome is OperationOutcome.NotApplied or OperationOutcome.Mismatch)
                yield return new("honest outcomes", $"it is there at {version.Version}: {writer}");
            else if (!seen.Add(value))
                yield return new("origin", $"written twice, again at {version.Version}: {writer}");
        }

        // Tombstones carry no value: there can be no more of them than deletes that may have happened.
        var deletes = operations.Count(operation => operation is { Kind: OperationKind.Delete, IsChange: true, Outcome: OperationOutcome.Ok or OperationOutcome.Unknown });
        var tombstones = held.Count(version => version.Value is null);
        if (tombstones > deletes)
            yield return new("honest outcomes", $"{tombstones} tombstones, but only {deletes} deletes that may have happened");
    }

    private static SeenState At(KeyVersion[] held, Timestamp timestamp)
    {
        var newest = held.LastOrDefault(version => version.Version <= timestamp);
        return newest.Value is null ? SeenState.Absent : new(newest.Value, newest.Version);
    }
}

using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>Who and what stands in a transaction's way. Everything here runs under the gate.</summary>
public sealed partial class RangeLeader
{
    /// <summary>Most keys that a conflict names.</summary>
    private const int MaxConflictKeys = 16;

    /// <summary>Versions above a snapshot that are looked at for the transaction's own.</summary>
    private const int MaxOwnVersionsLookedAt = 64;

    /// <summary>An intent or a lock of another transaction.</summary>
    private readonly record struct Obstacle(PreparedTransaction Holder, ReadOnlyMemory<byte> Key);

    /// <summary>
    /// Intents on what is written or read, and locks on what is written: applied, or enqueued, in which case the log has them first. Locks do not stand in each other's way.
    /// </summary>
    private IEnumerable<Obstacle> Obstacles(IEnumerable<ReadOnlyMemory<byte>> written, IEnumerable<ReadOnlyMemory<byte>> read, IEnumerable<RoutingInterval> intervals)
    {
        foreach (var table in (IntentTable[])[_replica.Transactions.Prepared, _ahead.Prepared])
        {
            if (table.Count == 0)
                continue;
            foreach (var key in written)
            {
                if (table.WriterOf(key) is { } writer)
                    yield return new(writer, key);
                foreach (var locker in table.LockersOf(key))
                    yield return new(locker, key);
            }

            foreach (var key in read)
            {
                if (table.WriterOf(key) is { } writer)
                    yield return new(writer, key);
            }

            foreach (var interval in intervals)
            {
                foreach (var (key, writer) in table.WritersIn(interval.Start, interval.End is null ? null : (ReadOnlyMemory<byte>?)interval.End))
                    yield return new(writer, key);
            }
        }
    }

    private IEnumerable<Obstacle> Obstacles(TransactionWork work) => HasPrepared ? Obstacles(work.Writes.Select(write => write.Key), work.ReadKeys, work.ReadIntervals) : [];

    /// <summary>Keys that were changed above the transaction's snapshot, by what is committed or proposed: the first committer wins. At most <see cref="MaxConflictKeys"/>.</summary>
    private List<ReadOnlyMemory<byte>> Changed(TransactionWork work)
    {
        var changed = new List<ReadOnlyMemory<byte>>();
        foreach (var key in work.Writes.Select(write => write.Key).Concat(work.ReadKeys))
        {
            if (changed.Count < MaxConflictKeys && IsChanged(key, work.ReadTimestamp))
                changed.Add(key);
        }

        var rows = new List<MvccRow>();
        foreach (var interval in work.ReadIntervals)
        {
            if (changed.Count >= MaxConflictKeys)
                break;
            changed.AddRange(ProposedIn(interval, work.ReadTimestamp));
            rows.Clear();
            _replica.Store.Changes(interval.Start, interval.End, interval.End is not null, work.ReadTimestamp, Timestamp.Max, MaxConflictKeys, rows);
            changed.AddRange(rows.Select(row => row.Key));
        }

        return changed;
    }

    private IEnumerable<ReadOnlyMemory<byte>> ProposedIn(RoutingInterval interval, Timestamp after) => _overlay.Count == 0 ? [] : _overlay
        .In(interval.Start, interval.End is null ? null : (ReadOnlyMemory<byte>?)interval.End)
        .Where(entry => entry.Timestamp > after)
        .Select(entry => entry.Write.Key);

    private bool IsChanged(ReadOnlyMemory<byte> key, Timestamp after) =>
        (_overlay.TryGet(key, out var proposed) && proposed.Timestamp > after) || _replica.Store.HasVersionAbove(key.Span, after);

    /// <summary>
    /// The timestamp at which this very transaction wrote a key above its snapshot: it committed, and the memory of that has gone. Null when it did not, as far as versions tell.
    /// </summary>
    private Timestamp? FindOwn(TransactionWork work)
    {
        if (work.Writes.Length == 0)
            return null;
        var versions = new List<MvccVersion>();
        _replica.Store.ChangesOf(work.Writes[0].Key.Span, work.ReadTimestamp, Timestamp.Max, MaxOwnVersionsLookedAt, versions);
        foreach (var version in versions)
        {
            if (StoredValue.ReadOrigin(version.Value.Span)?.Transaction == work.Transaction)
                return version.Timestamp;
        }

        return null;
    }

    private static Failure Conflict(ConflictReason reason, string detail, IEnumerable<ReadOnlyMemory<byte>> keys) => Failure.NotApplied(ErrorCode.TransactionConflict, detail) with
    {
        Conflict = reason,
        Keys = [.. keys.Distinct(RoutingKeyComparer.Instance).Take(MaxConflictKeys).Select(key => new ConflictKey("", key))],
    };

    private static Failure Conflict(List<ReadOnlyMemory<byte>> changed) => Conflict(ConflictReason.Changed, "another commit changed what this transaction read or writes", changed);

    private static Failure TooLate(Timestamp commit, Timestamp deadline) =>
        Failure.NotApplied(ErrorCode.TransactionExpired, $"it would have happened at {commit}, after its deadline {deadline}");
}

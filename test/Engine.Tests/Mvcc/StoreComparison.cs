using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>Asserts that a store shows what the model says.</summary>
internal static class StoreComparison
{
    /// <summary>Point reads, conflict checks and history of every key and some that do not exist.</summary>
    public static void AssertSameKeys(FullHistoryModel model, MvccStore store, IEnumerable<byte[]> keys, ulong at)
    {
        var into = new List<MvccVersion>();
        foreach (var key in keys)
        {
            var expected = model.Get(key, at);
            Assert.Equal(expected is not null, store.TryGet(key, new(at), out var found));
            if (expected is not null)
                AssertSame(expected, found);

            var history = model.History(key);
            into.Clear();
            Assert.Equal(history.Count, store.History(key, int.MaxValue, into));
            Assert.Equal(history.Count, into.Count);
            for (var index = 0; index < history.Count; index++)
                AssertSame(history[index], into[index]);

            Assert.Equal(history.Count > 0, store.TryGetNewest(key, out var newest));
            if (history.Count > 0)
                AssertSame(history[0], newest);
            Assert.Equal(history.Any(version => version.Timestamp > at), store.HasVersionAbove(key, new(at)));
        }
    }

    /// <summary>A scan, taken in slices of the given bounds.</summary>
    public static void AssertSameScan(
        FullHistoryModel model,
        MvccStore store,
        byte[] start,
        byte[]? end,
        ulong at,
        bool reverse,
        bool keysOnly,
        int limit,
        int maxBytes)
    {
        var expected = model.Scan(start, end, at, reverse);
        var rows = ScanAll(store, start, end, at, reverse, keysOnly, limit, maxBytes);
        Assert.Equal(expected.Count, rows.Count);
        for (var index = 0; index < rows.Count; index++)
        {
            Assert.True(rows[index].Key.Span.SequenceEqual(expected[index].Key));
            var version = expected[index].Version;
            AssertSame(keysOnly ? version with { Value = [] } : version, rows[index].Version);
        }
    }

    /// <summary>The changes of an interval, answer after answer within the given bounds: by a walk, and from what is remembered where that is complete.</summary>
    public static void AssertSameChanges(FullHistoryModel model, MvccStore store, byte[] start, byte[]? end, ulong after, ulong upTo, int maxChanges, int maxBytes)
    {
        var expected = model.Changes(start, end, after, upTo);
        AssertSameChanges(expected, ReadChanges(new(after), new(upTo), maxChanges, maxBytes, selection => Walk(store, start, end, selection)));
        if (new ChangeSelection(new(after), new(upTo), 1, 1, null) is var probe && store.TryRecentChanges(start, end, end is not null, probe))
        {
            Assert.Equal(expected.Count > 0, store.MayHaveRecentChange(start, end, end is not null, new(after), new(upTo), filter: null));
            AssertSameChanges(expected, ReadChanges(new(after), new(upTo), maxChanges, maxBytes, selection => Assert.True(store.TryRecentChanges(start, end, end is not null, selection))));
        }
    }

    /// <summary>One answer after the other until nothing is left; none splits a timestamp, and only a single one passes the bounds.</summary>
    private static List<MvccChange> ReadChanges(Timestamp after, Timestamp upTo, int maxChanges, int maxBytes, Action<ChangeSelection> select)
    {
        var all = new List<MvccChange>();
        while (after < upTo)
        {
            var selection = new ChangeSelection(after, upTo, maxChanges, maxBytes, null);
            select(selection);
            var changes = selection.ToList();
            Assert.Equal(selection.Count, changes.Count);
            if (changes.Select(change => change.Version.Timestamp).Distinct().Count() > 1)
                Assert.True(changes.Count <= maxChanges && changes.Sum(change => (long)change.Bytes) <= maxBytes, "only one commit may pass the bounds");
            Assert.All(changes, change => Assert.True(change.Version.Timestamp > after && change.Version.Timestamp <= selection.UpTo));
            all.AddRange(changes);
            Assert.True(selection.UpTo > after, "an answer makes progress");
            after = selection.UpTo;
        }

        return all;
    }

    private static void Walk(MvccStore store, byte[] start, byte[]? end, ChangeSelection selection)
    {
        for (ChangeCursor? cursor = ChangeCursor.AtStart(start); cursor is { } at;)
            cursor = store.Changes(at, end, end is not null, selection);
    }

    private static void AssertSameChanges(List<(byte[] Key, ModelVersion Version, ulong Previous)> expected, List<MvccChange> found)
    {
        Assert.Equal(expected.Count, found.Count);
        for (var index = 0; index < found.Count; index++)
        {
            Assert.True(found[index].Key.Span.SequenceEqual(expected[index].Key));
            AssertSame(expected[index].Version, found[index].Version);
            Assert.Equal(expected[index].Previous, found[index].Previous.Value);
        }
    }

    /// <summary>All rows of an interval, slice after slice, checking the bounds of each.</summary>
    public static List<MvccRow> ScanAll(MvccStore store, byte[] start, byte[]? end, ulong at, bool reverse, bool keysOnly, int limit, int maxBytes)
    {
        var rows = new List<MvccRow>();
        while (true)
        {
            var before = rows.Count;
            var slice = store.Scan(start, end, end is not null, new(at), limit, maxBytes, reverse, keysOnly, rows);
            Assert.Equal(slice.Rows, rows.Count - before);
            Assert.InRange(slice.Rows, 0, limit);
            var bytes = rows.Skip(before).Sum(row => (long)row.Key.Length + row.Version.Value.Length);
            Assert.Equal(bytes, slice.Bytes);
            if (slice.Rows > 0)
                Assert.True(bytes - rows[^1].Key.Length - rows[^1].Version.Value.Length < maxBytes);
            Assert.InRange(slice.Examined, 0, MvccLimits.MaxExaminedPerSlice + 64);
            if (slice.ResumeKey is not { } resume)
                return rows;
            Assert.True(slice.Examined > 0, "a slice that is not complete makes progress");
            if (reverse)
                end = resume;
            else
                start = resume;
        }
    }

    public static void AssertSame(ModelVersion expected, MvccVersion actual)
    {
        Assert.Equal(
            (expected.Timestamp, expected.IsTombstone, expected.ExpiresAt),
            (actual.Timestamp.Value, actual.IsTombstone, actual.ExpiresAt.Value));
        Assert.True(actual.Value.Span.SequenceEqual(expected.Value));
    }
}

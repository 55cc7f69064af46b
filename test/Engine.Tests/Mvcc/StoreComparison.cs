using GrainDb.Engine.Mvcc;
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

using System.Buffers.Binary;
using GrainDb.Engine.Mvcc;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>The bounds of a slice, and what a scan costs. Equality with the model is in <see cref="MvccModelTests"/>.</summary>
public sealed class MvccScanTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_interval_of_tombstones_is_left_in_bounded_slices(bool reverse)
    {
        var store = new MvccStore();
        for (var index = 0; index < 50_000; index++)
            store.Apply(Key(index), new(1), tombstone: index != 25_000, default, []);

        var rows = new List<MvccRow>();
        var first = store.Scan([], [], false, new(1), 10, 1000, reverse, false, rows);
        Assert.Equal((0, MvccLimits.MaxExaminedPerSlice), (first.Rows, first.Examined));
        Assert.NotNull(first.ResumeKey);

        rows = StoreComparison.ScanAll(store, [], null, 1, reverse, keysOnly: false, 10, 1000);
        Assert.Equal(Key(25_000), Assert.Single(rows).Key.ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_scan_costs_its_rows_and_not_their_history(bool reverse)
    {
        var store = new MvccStore();
        for (var version = 1UL; version <= 20_000; version++)
            store.Apply(Key((int)(version % 3)), new(version), tombstone: false, default, [1]);

        foreach (var at in (ulong[])[20_000, 10_000, 3])
        {
            var rows = new List<MvccRow>();
            var slice = store.Scan([], [], false, new(at), 10, 1000, reverse, false, rows);
            Assert.Equal(3, slice.Rows);
            Assert.True(slice.IsComplete);
            Assert.InRange(slice.Examined, 3, 3 * 40);
        }
    }

    [Fact]
    public void A_page_ends_at_its_limit_and_at_its_bytes_and_says_where_to_resume()
    {
        var store = new MvccStore();
        for (var index = 0; index < 10; index++)
            store.Apply(Key(index), new(1), tombstone: false, default, new byte[96]);

        var rows = new List<MvccRow>();
        Assert.Equal(Key(4), store.Scan([], [], false, new(1), 4, 10_000, false, false, rows).ResumeKey);
        Assert.Equal(Key(3), store.Scan([], [], false, new(1), 100, 201, false, false, rows).ResumeKey);
        Assert.Equal(Key(6), store.Scan([], [], false, new(1), 4, 10_000, true, false, rows).ResumeKey);
        Assert.Null(store.Scan([], [], false, new(1), 10, 10_000, false, false, rows).ResumeKey);
        Assert.Null(store.Scan([], Key(0), true, new(1), 10, 10_000, false, false, rows).ResumeKey);
        Assert.Null(store.Scan(Key(7), Key(3), true, new(1), 10, 10_000, true, false, rows).ResumeKey);
        Assert.Equal(4 + 3 + 4 + 10, rows.Count);
    }

    private static byte[] Key(int index)
    {
        var key = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(key, index);
        return key;
    }
}

using System.Text;
using CsCheck;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>Single promises of the store, one by one.</summary>
public sealed class MvccStoreTests
{
    private static readonly byte[] Key = "key"u8.ToArray();

    [Fact]
    public void Reads_the_newest_version_at_or_before_the_timestamp()
    {
        var store = new MvccStore();
        Put(store, Key, 10, "ten");
        Put(store, Key, 20, "twenty");

        Assert.False(store.TryGet(Key, new(9), out _));
        Assert.Equal("ten", Get(store, Key, 10));
        Assert.Equal("ten", Get(store, Key, 19));
        Assert.Equal("twenty", Get(store, Key, 20));
        Assert.Equal("twenty", Get(store, Key, ulong.MaxValue));
    }

    [Fact]
    public void A_tombstone_hides_and_can_be_read_before_and_written_after()
    {
        var store = new MvccStore();
        Put(store, Key, 10, "ten");
        Assert.True(Delete(store, Key, 20));
        Put(store, Key, 30, "thirty");

        Assert.Equal("ten", Get(store, Key, 19));
        Assert.False(store.TryGet(Key, new(29), out _));
        Assert.Equal("thirty", Get(store, Key, 30));
    }

    [Fact]
    public void An_expired_version_is_absent_from_its_expiry_on_and_does_not_uncover_an_older_one()
    {
        var store = new MvccStore();
        Put(store, Key, 10, "old");
        store.Apply(Key, new(20), tombstone: false, new(50), "brief"u8);

        Assert.Equal("brief", Get(store, Key, 49));
        Assert.False(store.TryGet(Key, new(50), out _));
        Assert.True(store.TryGetNewest(Key, out var newest));
        Assert.Equal(new Timestamp(50), newest.ExpiresAt);
        Assert.True(newest.IsLiveAt(new(49)));
        Assert.False(newest.IsLiveAt(new(50)));
    }

    [Fact]
    public void Applying_a_version_again_changes_nothing()
    {
        var store = new MvccStore();
        Put(store, Key, 10, "ten");
        Assert.False(store.Apply(Key, new(10), tombstone: false, default, "ten"u8));
        Assert.Equal((1, 1), (store.Versions, store.Keys));
    }

    [Fact]
    public void Conflicts_are_versions_above_the_read_timestamp_tombstones_included()
    {
        var store = new MvccStore();
        Assert.False(store.HasVersionAbove(Key, new(0)));
        Put(store, Key, 10, "ten");
        Delete(store, Key, 20);

        Assert.True(store.HasVersionAbove(Key, new(19)));
        Assert.False(store.HasVersionAbove(Key, new(20)));
        Assert.False(store.HasVersionAbove("other"u8, new(0)));
    }

    [Fact]
    public void Changes_of_an_interval_are_its_versions_in_an_interval_of_time() =>
        Gen.Select(Gen.Select(Gen.Int[0, 6], Gen.ULong[1, 40]).Array[0, 60], Gen.Int[0, 7], Gen.Int[0, 7], Gen.ULong[0, 40], Gen.ULong[0, 40]).Sample(
            (applied, start, end, after, upTo) =>
            {
                var store = new MvccStore();
                foreach (var (key, timestamp) in applied)
                    store.Apply([(byte)key], new(timestamp), tombstone: timestamp % 3 == 0, default, []);
                bool IsIn((int Key, ulong Timestamp) version) => version.Timestamp > after && version.Timestamp <= upTo;

                var rows = new List<MvccRow>();
                store.Changes([(byte)start], [(byte)end], hasEnd: end < 7, new(after), new(upTo), int.MaxValue, rows);
                var expected = applied.Distinct().Where(IsIn).Where(version => version.Item1 >= start && (end == 7 || version.Item1 < end));
                Assert.Equal(
                    expected.OrderBy(version => version.Item1).ThenByDescending(version => version.Item2).Select(version => (version.Item1, version.Item2)),
                    rows.Select(row => ((int)row.Key.Span[0], row.Version.Timestamp.Value)));

                var versions = new List<MvccVersion>();
                store.ChangesOf([(byte)start], new(after), new(upTo), 3, versions);
                Assert.Equal(
                    applied.Distinct().Where(IsIn).Where(version => version.Item1 == start).Select(version => version.Item2).OrderDescending().Take(3),
                    versions.Select(version => version.Timestamp.Value));
            });

    [Fact]
    public void Nothing_below_the_threshold_is_answered()
    {
        var store = new MvccStore();
        Put(store, Key, 10, "ten");
        store.SetGcThreshold(new(20));
        store.SetGcThreshold(new(15));

        Assert.Equal(new Timestamp(20), store.GcThreshold);
        Assert.True(store.CanReadAt(new(20)));
        Assert.False(store.CanReadAt(new(19)));
        Assert.Throws<InvalidOperationException>(() => store.TryGet(Key, new(19), out _));
        Assert.Throws<InvalidOperationException>(() => store.HasVersionAbove(Key, new(19)));
        Assert.Throws<InvalidOperationException>(() => store.Scan([], [], false, new(19), 1, 1, false, false, []));
    }

    [Fact]
    public void Bounds_of_a_version_are_checked()
    {
        var store = new MvccStore();
        Assert.Throws<ArgumentException>(() => store.Apply(new byte[MvccLimits.MaxKeyBytes + 1], new(1), false, default, []));
        Assert.Throws<ArgumentException>(() => store.Apply(Key, new(1), false, default, new byte[MvccLimits.MaxValueBytes + 1]));
        Assert.Throws<ArgumentException>(() => store.Apply(Key, Timestamp.Zero, false, default, []));
        Assert.Throws<ArgumentException>(() => store.Apply(Key, Timestamp.Max, false, default, []));
        Assert.Throws<ArgumentException>(() => store.Apply(Key, new(1), true, new(5), []));
        Assert.Equal(0, store.Versions);
    }

    [Fact]
    public void The_largest_keys_and_values_survive_collection_and_a_checkpoint()
    {
        var replica = new Replica();
        var keys = Enumerable.Range(0, 3).Select(index => Enumerable.Repeat((byte)index, MvccLimits.MaxKeyBytes).ToArray()).ToArray();
        var lengths = new[] { SlabPages.OwnArrayBytes - 1, SlabPages.OwnArrayBytes, SlabPages.MaxPageBytes, 1024 * 1024 + 1, MvccLimits.MaxValueBytes };
        var timestamp = 0UL;
        foreach (var length in lengths)
        {
            foreach (var key in keys)
                replica.Write(key, new(++timestamp, false, 0, Enumerable.Repeat((byte)timestamp, length).ToArray()));
        }

        replica.SetGcThreshold(timestamp - 5);
        replica.CollectAll();
        replica.BeginCheckpoint();
        for (var block = 0; block < 6; block++)
            replica.WriteBlock(1024);
        replica.Crash(collectEvery: 0);
        StoreInvariants.Check(replica.Store);
        StoreComparison.AssertSameKeys(replica.Model, replica.Store, keys, timestamp);
    }

    [Fact]
    public void Counters_count()
    {
        var store = new MvccStore();
        Assert.Equal((0, 0, 0, 0), (store.Keys, store.LiveKeys, store.Versions, store.PayloadBytes));
        Put(store, "a"u8.ToArray(), 1, "12345");
        Put(store, "b"u8.ToArray(), 2, "123");
        Put(store, "b"u8.ToArray(), 3, "1");
        Delete(store, "a"u8.ToArray(), 4);
        Assert.Equal((2, 1, 4, 11), (store.Keys, store.LiveKeys, store.Versions, store.PayloadBytes));
    }

    [Fact]
    public void A_small_store_is_small()
    {
        var store = new MvccStore();
        Assert.InRange(store.AllocatedBytes, 1, 3 * 1024);
        for (var index = 0; index < 30; index++)
            Put(store, Encoding.UTF8.GetBytes($"key-{index}"), 1, "a value of some bytes");
        Assert.InRange(store.AllocatedBytes, 1, 8 * 1024);
    }

    [Fact]
    public void The_split_key_halves_the_bytes()
    {
        var store = new MvccStore();
        Assert.Null(store.SplitKeyNearMiddle());
        Put(store, Encode(0), 1, "x");
        Assert.Null(store.SplitKeyNearMiddle());
        for (var index = 1; index < 1000; index++)
            Put(store, Encode(index), 1, new string('x', index < 900 ? 10 : 90));

        var split = store.SplitKeyNearMiddle();
        var rows = new List<MvccRow>();
        store.Scan([], split, hasEnd: true, new(1), 1000, int.MaxValue, false, false, rows);
        Assert.InRange(rows.Sum(row => row.Key.Length + row.Version.Value.Length), store.PayloadBytes * 0.49, store.PayloadBytes * 0.51);

        Put(store, Encode(5000), 1, new string('x', 1_000_000));
        Assert.Equal(Encode(5000), store.SplitKeyNearMiddle());
        Put(store, "!"u8.ToArray(), 1, new string('x', 9_000_000));
        Assert.Equal(Encode(0), store.SplitKeyNearMiddle());
    }

    private static byte[] Encode(int index) => Encoding.UTF8.GetBytes($"key-{index:D6}");

    private static void Put(MvccStore store, byte[] key, ulong timestamp, string value) =>
        Assert.True(store.Apply(key, new(timestamp), tombstone: false, default, Encoding.UTF8.GetBytes(value)));

    private static bool Delete(MvccStore store, byte[] key, ulong timestamp) => store.Apply(key, new(timestamp), tombstone: true, default, []);

    private static string? Get(MvccStore store, byte[] key, ulong at) =>
        store.TryGet(key, new(at), out var version) ? Encoding.UTF8.GetString(version.Value.Span) : null;
}

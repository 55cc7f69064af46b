using System.Text;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>What collection frees, holds back and never resurrects.</summary>
public sealed class MvccCollectionTests
{
    private static readonly byte[] Key = "key"u8.ToArray();

    [Fact]
    public void Keeps_the_newest_at_or_below_the_threshold_and_everything_above()
    {
        var store = Chain(10, 20, 30, 40);
        store.SetGcThreshold(new(25));
        var progress = CollectAll(store);

        Assert.Equal((1, 0), (progress.FreedVersions, progress.FreedKeys));
        Assert.Equal([40UL, 30, 20], History(store));
        Assert.False(store.CollectionPending);
        Assert.Equal(GcProgress.Nothing, store.CollectSlice(1));
    }

    [Fact]
    public void A_tombstone_or_an_expired_version_goes_with_its_key()
    {
        var store = Chain(10, 20);
        store.Apply(Key, new(30), tombstone: true, default, []);
        store.Apply("brief"u8, new(10), tombstone: false, new(30), [1]);
        store.SetGcThreshold(new(30));
        var progress = CollectAll(store);

        Assert.Equal((4, 2, 3 + 5 + 2 + 1), (progress.FreedVersions, progress.FreedKeys, progress.FreedBytes));
        Assert.Equal((0, 0, 0, 0), (store.Keys, store.LiveKeys, store.Versions, store.PayloadBytes));
    }

    [Fact]
    public void The_same_is_shown_before_and_after()
    {
        var store = Chain(10, 20);
        store.Apply(Key, new(30), tombstone: true, default, []);
        store.SetGcThreshold(new(30));
        Assert.Empty(History(store));
        Assert.False(store.TryGetNewest(Key, out _));
        CollectAll(store);
        Assert.Empty(History(store));
        Assert.False(store.TryGetNewest(Key, out _));
    }

    [Fact]
    public void An_old_record_does_not_come_back_after_what_hid_it_was_collected()
    {
        var store = Chain(10);
        store.Apply(Key, new(20), tombstone: true, default, []);
        store.SetGcThreshold(new(20));
        CollectAll(store);

        Assert.Equal(new Timestamp(20), store.CollectedThreshold);
        Assert.False(store.Apply(Key, new(10), tombstone: false, default, [1]));
        Assert.False(store.Apply(Key, new(20), tombstone: true, default, []));
        Assert.False(store.TryGet(Key, new(20), out _));
        Assert.Equal(0, store.Versions);
    }

    [Fact]
    public void A_version_at_or_below_the_threshold_is_taken_until_collection_decides()
    {
        var store = new MvccStore();
        store.SetGcThreshold(new(50));
        Assert.True(store.Apply(Key, new(40), tombstone: false, default, [4]));
        Assert.False(store.Apply(Key, new(30), tombstone: false, default, [3]));
        Assert.True(store.Apply(Key, new(45), tombstone: false, default, [5]));
        Assert.Equal([45UL], History(store));
        CollectAll(store);
        Assert.Equal([45UL], History(store));
    }

    [Fact]
    public void A_checkpoint_holds_the_threshold_of_collection_until_it_ends()
    {
        var store = Chain(10, 20);
        var cursor = store.BeginCheckpoint();
        store.SetGcThreshold(new(30));
        Assert.False(store.CollectionPending);
        CollectAll(store);
        Assert.Equal((2, Timestamp.Zero), (store.Versions, store.CollectedThreshold));

        store.EndCheckpoint(cursor);
        Assert.True(store.CollectionPending);
        CollectAll(store);
        Assert.Equal((1, new Timestamp(30)), (store.Versions, store.CollectedThreshold));
    }

    [Fact]
    public void A_slice_is_bounded_by_versions_whatever_the_length_of_chains()
    {
        var store = Chain([.. Enumerable.Range(1, 5000).Select(index => (ulong)index)]);
        store.SetGcThreshold(new(5000));
        var slices = 0;
        GcProgress progress;
        do
        {
            progress = store.CollectSlice(100);
            Assert.InRange(progress.Examined, 0, 100 + LeafBlock.Capacity);
            Assert.True(store.TryGet(Key, new(5000), out _));
            slices++;
        }
        while (!progress.PassComplete);
        Assert.InRange(slices, 30, 60);
        Assert.Equal(1, store.Versions);
        StoreInvariants.Check(store);
    }

    [Fact]
    public void Overwriting_with_collection_keeps_memory_bounded_and_held_values_intact()
    {
        var store = new MvccStore();
        var random = new Random(5);
        var held = new List<(ReadOnlyMemory<byte> Memory, byte[] Copy)>();
        var timestamp = 0UL;
        for (var round = 0; round < 40; round++)
        {
            for (var write = 0; write < 4000; write++)
            {
                var isTombstone = random.Next(20) == 0;
                var value = new byte[isTombstone ? 0 : random.Next(64, 600)];
                random.NextBytes(value);
                store.Apply(Encoding.UTF8.GetBytes($"key-{random.Next(8000)}"), new(++timestamp), isTombstone, default, value);
            }

            for (var read = 0; read < 20; read++)
            {
                if (store.TryGet(Encoding.UTF8.GetBytes($"key-{random.Next(8000)}"), new(timestamp), out var version))
                    held.Add((version.Value, version.Value.ToArray()));
            }

            store.SetGcThreshold(new(timestamp));
            CollectAll(store);
            StoreInvariants.Check(store);
            Assert.Equal(store.Keys, store.Versions);
            Assert.InRange(store.AllocatedBytes, store.PayloadBytes, (store.PayloadBytes * 1.9) + (256 * 1024));
        }

        Assert.NotEmpty(held);
        foreach (var (memory, copy) in held)
            Assert.True(memory.Span.SequenceEqual(copy));
    }

    [Fact]
    public void Deleting_everything_gives_everything_back()
    {
        var store = new MvccStore();
        for (var index = 0; index < 20_000; index++)
            store.Apply(Encoding.UTF8.GetBytes($"key-{index}"), new(1), tombstone: false, default, new byte[100]);
        for (var index = 0; index < 20_000; index++)
            store.Apply(Encoding.UTF8.GetBytes($"key-{index}"), new(2), tombstone: true, default, []);
        store.SetGcThreshold(new(2));
        CollectAll(store);

        StoreInvariants.Check(store);
        Assert.Equal(0, store.Versions);

        // The pages that were being filled remain.
        Assert.InRange(store.AllocatedBytes, 0, (2 * SlabPages.MaxPageBytes) + 4096);
    }

    private static GcProgress CollectAll(MvccStore store)
    {
        var sum = GcProgress.Nothing;
        while (store.CollectionPending)
        {
            var slice = store.CollectSlice(1000);
            sum = sum with
            {
                FreedKeys = sum.FreedKeys + slice.FreedKeys,
                FreedVersions = sum.FreedVersions + slice.FreedVersions,
                FreedBytes = sum.FreedBytes + slice.FreedBytes,
            };
        }

        return sum;
    }

    private static MvccStore Chain(params ulong[] timestamps)
    {
        var store = new MvccStore();
        foreach (var timestamp in timestamps)
            store.Apply(Key, new(timestamp), tombstone: false, default, [1]);
        return store;
    }

    private static IEnumerable<ulong> History(MvccStore store)
    {
        var into = new List<MvccVersion>();
        store.History(Key, int.MaxValue, into);
        return into.Select(version => version.Timestamp.Value);
    }
}

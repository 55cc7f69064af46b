using System.Buffers;
using System.Text;
using CsCheck;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>Blocks of checkpoints: their bytes, their bounds, and what a damaged one does. Crash and replay are in <see cref="MvccModelTests"/>.</summary>
public sealed class MvccCheckpointTests
{
    // Format version 1 as it was first written. It must stay readable for ever.
    private const string PinnedBlock =
        "01" + "0500000000000000" + "0400000000000000" + "05000000" +
        "00" + "00" + "03" + "61612F" + "14" + "02" + "6869" +
        "04" + "05" + "00" +
        "01" + "02" + "01" + "62" + "0E" +
        "02" + "03" + "01" + "63" + "0C" + "C801" + "01" + "7A" +
        "00" + "00" + "01" + "FF" + "0E" + "00";

    // Format version 2 differs by the version and by what a tombstone may have.
    private const string PinnedTombstoneWithValue =
        "02" + "0000000000000000" + "0000000000000000" + "01000000" +
        "09" + "00" + "01" + "6B" + "14" + "02" + "FE01";

    [Fact]
    public void The_bytes_of_format_version_2_are_pinned()
    {
        var block = Assert.Single(Blocks(Sample(), 10_000));
        Assert.Equal("02" + PinnedBlock[2..], Convert.ToHexString(block));
        var store = new MvccStore();
        store.Apply("k"u8, new(10), tombstone: true, default, [0xFE, 1]);
        Assert.Equal(PinnedTombstoneWithValue, Convert.ToHexString(Assert.Single(Blocks(store, 10_000))));
    }

    [Fact]
    public void A_tombstone_keeps_its_value_and_still_hides()
    {
        var store = new MvccStore();
        store.LoadBlock(Convert.FromHexString(PinnedTombstoneWithValue));
        StoreInvariants.Check(store);
        Assert.False(store.TryGet("k"u8, new(10), out _));
        Assert.True(store.TryGetNewest("k"u8, out var deleted) && deleted.IsTombstone);
        Assert.Equal([0xFE, 1], deleted.Value.ToArray());
    }

    [Fact]
    public void A_block_of_version_1_has_no_tombstone_with_a_value()
    {
        var block = Convert.FromHexString(PinnedTombstoneWithValue);
        block[0] = 1;
        Assert.Throws<InvalidDataException>(() => new MvccStore().LoadBlock(block));
    }

    [Fact]
    public void A_block_of_format_version_1_is_read()
    {
        var store = new MvccStore();
        store.LoadBlock(Convert.FromHexString(PinnedBlock));
        StoreInvariants.Check(store);
        Assert.Equal((new Timestamp(5), new Timestamp(4)), (store.GcThreshold, store.CollectedThreshold));
        Assert.Equal((4, 5), (store.Keys, store.Versions));
        Assert.True(store.TryGet("aa/"u8, new(10), out var version));
        Assert.Equal("hi"u8, version.Value.Span);
        Assert.True(store.TryGetNewest("aab"u8, out var deleted) && deleted.IsTombstone);
        Assert.True(store.TryGet("aabc"u8, new(119), out var expiring));
        Assert.Equal(new Timestamp(120), expiring.ExpiresAt);
        Assert.True(store.TryGet([0xFF], new(27), out var empty) && empty.Value.IsEmpty);
    }

    [Fact]
    public void Blocks_keep_their_bound_except_for_a_version_that_is_longer()
    {
        var store = new MvccStore();
        for (var index = 0; index < 500; index++)
            store.Apply(Encoding.UTF8.GetBytes($"key-{index:D4}"), new(1), tombstone: false, default, new byte[index == 250 ? 9000 : 100]);

        var blocks = Blocks(store, 4096);
        Assert.Equal(1, blocks.Count(block => block.Length > 4096));
        Assert.InRange(blocks.Count, 15, 35);
    }

    [Fact]
    public void An_empty_store_is_one_block_that_keeps_the_thresholds()
    {
        var store = new MvccStore();
        store.SetGcThreshold(new(7));
        store.CollectSlice(1);
        var loaded = new MvccStore();
        loaded.LoadBlock(Assert.Single(Blocks(store, 100)));
        Assert.Equal((new Timestamp(7), new Timestamp(7)), (loaded.GcThreshold, loaded.CollectedThreshold));
    }

    [Fact]
    public void A_checkpoint_that_ended_cannot_be_continued()
    {
        var store = Sample();
        var abandoned = store.BeginCheckpoint();
        var newest = store.BeginCheckpoint();
        Assert.Throws<InvalidOperationException>(() => store.WriteSlice(abandoned, new ArrayBufferWriter<byte>(), 100));
        store.EndCheckpoint(abandoned);
        Assert.False(store.WriteSlice(newest, new ArrayBufferWriter<byte>(), 10_000));
        Assert.True(newest.IsComplete);
        Assert.Equal((1, 5), (newest.Blocks, newest.Versions));
        Assert.Throws<InvalidOperationException>(() => store.WriteSlice(newest, new ArrayBufferWriter<byte>(), 100));
    }

    [Fact]
    public void Blocks_are_loaded_in_order_and_before_anything_else()
    {
        var blocks = Blocks(Sample(), 1);
        var store = new MvccStore();
        store.LoadBlock(blocks[1]);
        Assert.Throws<InvalidDataException>(() => store.LoadBlock(blocks[0]));
        Assert.Throws<InvalidDataException>(() => store.LoadBlock(blocks[1]));

        var used = new MvccStore();
        used.Apply("x"u8, new(1), tombstone: true, default, []);
        Assert.Throws<InvalidOperationException>(() => used.LoadBlock(blocks[0]));
    }

    [Fact]
    public void A_block_that_is_cut_off_or_too_long_or_of_another_version_is_refused()
    {
        var block = Convert.FromHexString(PinnedBlock);
        for (var length = 0; length < block.Length; length++)
            Assert.Throws<InvalidDataException>(() => new MvccStore().LoadBlock(block.AsSpan(0, length)));
        Assert.Throws<InvalidDataException>(() => new MvccStore().LoadBlock([.. block, 0]));
        block[0] = 3;
        Assert.Throws<InvalidDataException>(() => new MvccStore().LoadBlock(block));
    }

    [Fact]
    public void A_damaged_block_is_refused_or_read_as_a_whole_store_but_does_no_other_harm() =>
        Gen.Select(Gen.Int[0, (PinnedBlock.Length / 2) - 1], Gen.Byte, Gen.Int[0, (PinnedBlock.Length / 2) - 1], Gen.Byte).Sample(
            (first, firstValue, second, secondValue) =>
            {
                var block = Convert.FromHexString(PinnedBlock);
                block[first] = firstValue;
                block[second] = secondValue;
                var store = new MvccStore();
                try
                {
                    store.LoadBlock(block);
                }
                catch (InvalidDataException)
                {
                    return;
                }

                StoreInvariants.Check(store);
            },
            iter: 20_000);

    private static MvccStore Sample()
    {
        var store = new MvccStore();
        store.Apply("aa/"u8, new(10), tombstone: false, default, "hi"u8);
        store.Apply("aa/"u8, new(7), tombstone: false, default, []);
        store.SetGcThreshold(new(4));
        store.CollectSlice(1);
        store.SetGcThreshold(new(5));
        store.Apply("aab"u8, new(14), tombstone: true, default, []);
        store.Apply("aabc"u8, new(20), tombstone: false, new(120), "z"u8);
        store.Apply([0xFF], new(27), tombstone: false, default, []);
        return store;
    }

    private static List<byte[]> Blocks(MvccStore store, int maxBytes)
    {
        var blocks = new List<byte[]>();
        var cursor = store.BeginCheckpoint();
        while (!cursor.IsComplete)
        {
            var output = new ArrayBufferWriter<byte>();
            store.WriteSlice(cursor, output, maxBytes);
            blocks.Add(output.WrittenSpan.ToArray());
        }

        return blocks;
    }
}

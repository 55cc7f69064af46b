using GrainDb.Engine.Mvcc;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>Checks the structure of a store: order, fences, prefixes, links, shares of keys, live bytes, counters.</summary>
internal sealed class StoreInvariants
{
    private readonly VersionSlabs _slabs;
    private readonly VersionTree _tree;
    private readonly VersionCounters _counters;
    private readonly List<LeafBlock> _leaves = [];
    private long _branches;

    private StoreInvariants(MvccStore store) => (_slabs, _tree, _counters) = store.Parts;

    public static void Check(MvccStore store)
    {
        var invariants = new StoreInvariants(store);
        var (root, height) = invariants._tree.Shape;
        invariants.CheckBlock(root, height, null, null);
        invariants.CheckLinks();
        invariants.CheckEntries();
    }

    private void CheckBlock(TreeBlock block, int height, Separator? low, Separator? high)
    {
        Assert.InRange(block.Skip, 0, Separator.SharedBytes(low, high));
        if (height == 0)
        {
            CheckLeaf((LeafBlock)block, low, high);
            return;
        }

        var branch = (BranchBlock)block;
        _branches++;
        Assert.InRange(branch.Count, 2, BranchBlock.Capacity);
        for (var index = 0; index < branch.Count; index++)
        {
            var childLow = index == 0 ? low : branch.Separators[index - 1];
            var childHigh = index == branch.Count - 1 ? high : branch.Separators[index];
            if (childLow is not null && childHigh is not null)
                Assert.True(childLow.CompareTo(childHigh.Key, childHigh.Timestamp) < 0, "separators out of order");
            CheckBlock(branch.Children[index], height - 1, childLow, childHigh);
        }
    }

    private void CheckLeaf(LeafBlock leaf, Separator? low, Separator? high)
    {
        Assert.True(leaf.Count > 0 || (low is null && high is null), "empty leaf");
        Assert.InRange(leaf.Count, 0, LeafBlock.Capacity);
        for (var index = 0; index < leaf.Count; index++)
        {
            ref var entry = ref leaf.Entries[index];
            var key = entry.Key(_slabs);
            Assert.True(low is null || low.CompareTo(key, entry.Timestamp) <= 0, "entry before its low fence");
            Assert.True(high is null || high.CompareTo(key, entry.Timestamp) > 0, "entry behind its high fence");
            Assert.Equal(KeyPrefix.At(key, leaf.Skip), leaf.Prefixes[index]);
            Assert.True(entry.Timestamp <= leaf.NewestTimestamp, "an entry is newer than its block says");
        }

        _leaves.Add(leaf);
    }

    private void CheckLinks()
    {
        Assert.Same(_leaves[0], _tree.First);
        Assert.Same(_leaves[^1], _tree.Last);
        Assert.Null(_leaves[0].Previous);
        Assert.Null(_leaves[^1].Next);
        for (var index = 1; index < _leaves.Count; index++)
        {
            Assert.Same(_leaves[index - 1], _leaves[index].Previous);
            Assert.Same(_leaves[index], _leaves[index - 1].Next);
        }

        var blocks = (_branches * BranchBlock.FixedBytes) + ((long)_leaves.Count * LeafBlock.FixedBytes);
        Assert.Equal(blocks, _tree.AllocatedBytes);
    }

    private void CheckEntries()
    {
        var counted = new VersionCounters();
        var keyBytes = new long[_slabs.Keys.Slots];
        var valueBytes = new long[_slabs.Values.Slots];
        var keyAddresses = new HashSet<(int, int)>();
        VersionEntry? before = null;
        foreach (var leaf in _leaves)
        {
            for (var index = 0; index < leaf.Count; index++)
            {
                var entry = leaf.Entries[index];
                var sameKey = before is { } b && b.Key(_slabs).SequenceEqual(entry.Key(_slabs));
                if (before is { } left)
                {
                    var order = left.Key(_slabs).SequenceCompareTo(entry.Key(_slabs));
                    Assert.True(order < 0 || (order == 0 && left.Timestamp > entry.Timestamp), "entries out of order");
                }

                counted.CountVersion(entry, 1);
                valueBytes[entry.ValuePage] += entry.StoredValueBytes;
                if (entry.KeyLength > 0 && (before is not { } n || !n.SharesKeyWith(entry)))
                {
                    Assert.True(keyAddresses.Add((entry.KeyPage, entry.KeyOffset)), "sharers of a key are not contiguous");
                    keyBytes[entry.KeyPage] += entry.KeyLength;
                }

                if (!sameKey)
                {
                    counted.Keys++;
                    counted.LiveKeys += entry.IsTombstone ? 0 : 1;
                    counted.PayloadBytes += entry.KeyLength;
                }

                before = entry;
            }
        }

        Assert.Equal(
            (counted.Keys, counted.LiveKeys, counted.Versions, counted.Tombstones, counted.Expiring, counted.PayloadBytes),
            (_counters.Keys, _counters.LiveKeys, _counters.Versions, _counters.Tombstones, _counters.Expiring, _counters.PayloadBytes));
        AssertLive(keyBytes, _slabs.Keys);
        AssertLive(valueBytes, _slabs.Values);
    }

    private static void AssertLive(long[] expected, SlabPages pages)
    {
        for (var page = 0; page < expected.Length; page++)
            Assert.Equal(expected[page], pages.LiveBytesOf(page));
        Assert.Equal(expected.Sum(), pages.LiveBytes);
    }
}

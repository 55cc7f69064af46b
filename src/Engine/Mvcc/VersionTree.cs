namespace GrainDb.Engine.Mvcc;

/// <summary>
/// A B+tree whose entries are versions, ordered by key and then newest first. A chain is a run of neighbouring entries, so
/// a chain of any length is searched in logarithmic time and swept in bounded slices like everything else.
/// Leaves are linked in both directions; branches hold shortest separators.
/// Sources: Bayer and Unterauer, "Prefix B-Trees" (1977); Graefe, "Modern B-Tree Techniques" (2011).
/// </summary>
internal sealed class VersionTree
{
    // Two neighbours whose entries fit into this are joined; the rest is room for what comes.
    private const int JoinLeavesUpTo = LeafBlock.Capacity * 3 / 4;

    private readonly VersionSlabs _slabs;
    private readonly TreePath _path = new();
    private TreeBlock _root;
    private int _height;
    private long _branches;
    private long _leaves = 1;

    public VersionTree(VersionSlabs slabs)
    {
        _slabs = slabs;
        First = Last = new LeafBlock();
        _root = First;
    }

    /// <summary>The leaf with the smallest entries.</summary>
    public LeafBlock First { get; private set; }

    /// <summary>The leaf with the largest entries.</summary>
    public LeafBlock Last { get; private set; }

    /// <summary>Approximate bytes of all blocks; separators' keys are not counted.</summary>
    public long AllocatedBytes => (_branches * BranchBlock.FixedBytes) + (_leaves * LeafBlock.FixedBytes);

    /// <summary>The root and the levels of branches above the leaves. For checks.</summary>
    internal (TreeBlock Root, int Height) Shape => (_root, _height);

    /// <summary>The first entry that is not before the given place.</summary>
    public TreePosition Seek(ReadOnlySpan<byte> key, ulong timestamp)
    {
        var leaf = FindLeaf(key, timestamp);
        return At(leaf, leaf.LowerBound(_slabs, key, timestamp));
    }

    /// <summary>
    /// Where a version belongs: the leaf, and the index of the first entry in it that is not before the version, which may be
    /// its count. The position is good for <see cref="Insert"/> until the tree changes.
    /// </summary>
    public TreePosition Locate(ReadOnlySpan<byte> key, ulong timestamp)
    {
        // Ascending inserts, as when a checkpoint is loaded, need no descent.
        var last = Last;
        if (last.Count > 0 && IsBefore(last.Entries[last.Count - 1], key, timestamp))
            return new(last, last.Count);
        var leaf = FindLeaf(key, timestamp);
        return new(leaf, leaf.LowerBound(_slabs, key, timestamp));
    }

    /// <summary>Inserts a version at the position that <see cref="Locate"/> gave for it.</summary>
    public void Insert(TreePosition position, ReadOnlySpan<byte> key, in VersionEntry entry)
    {
        var leaf = position.Leaf!;
        if (leaf.Count == LeafBlock.Capacity)
        {
            Split(leaf, position.Index, key, entry);
            return;
        }

        leaf.InsertAt(position.Index, KeyPrefix.At(key, leaf.Skip), entry);
    }

    /// <summary>
    /// The last leaf that can hold something before <paramref name="bound"/> (null for the end), and the separator before that
    /// leaf (null for the first): the bound with which the leaf before it is found. For a sweep from the end to the start.
    /// </summary>
    public LeafBlock LeafBefore(Separator? bound, out Separator? lowFence)
    {
        _path.Clear();
        var block = _root;
        for (var level = 0; level < _height; level++)
        {
            var branch = (BranchBlock)block;
            var index = bound is null ? branch.Count - 1 : branch.ChildBefore(bound.Key, bound.Timestamp);
            _path.Push(branch, index);
            block = branch.Children[index];
        }

        lowFence = _path.LeafLowFence();
        return (LeafBlock)block;
    }

    /// <summary>
    /// Removes entries from the leaf that the last call of <see cref="LeafBefore"/> gave, and joins it with a neighbour when
    /// little is left.
    /// </summary>
    public void Keep(LeafBlock leaf, ulong bits)
    {
        leaf.Keep(bits);
        JoinLeaf(leaf);
    }

    private static TreePosition At(LeafBlock leaf, int index)
    {
        if (index < leaf.Count)
            return new(leaf, index);
        return leaf.Next is { } next ? new(next, 0) : TreePosition.End;
    }

    private LeafBlock FindLeaf(ReadOnlySpan<byte> key, ulong timestamp)
    {
        var block = _root;
        for (var level = _height; level > 0; level--)
        {
            var branch = (BranchBlock)block;
            block = branch.Children[branch.ChildFor(key, timestamp)];
        }

        return (LeafBlock)block;
    }

    private bool IsBefore(in VersionEntry entry, ReadOnlySpan<byte> key, ulong timestamp)
    {
        var order = entry.Key(_slabs).SequenceCompareTo(key);
        return order < 0 || (order == 0 && entry.Timestamp > timestamp);
    }

    private void DescendTo(ReadOnlySpan<byte> key, ulong timestamp)
    {
        _path.Clear();
        var block = _root;
        for (var level = 0; level < _height; level++)
        {
            var branch = (BranchBlock)block;
            var index = branch.ChildFor(key, timestamp);
            _path.Push(branch, index);
            block = branch.Children[index];
        }
    }

    // A run of inserts, ascending or descending, leaves full blocks behind; everything else is halved.
    private void Split(LeafBlock leaf, int index, ReadOnlySpan<byte> key, in VersionEntry entry)
    {
        DescendTo(key, entry.Timestamp);
        var level = _height - 1;
        var low = level < 0 ? null : _path.LowFence(level, _path.Indexes[level]);
        var high = level < 0 ? null : _path.HighFence(level, _path.Indexes[level]);

        var at = index == leaf.LastInsert + 1 || index == leaf.LastInsert ? index : leaf.Count / 2;
        var toLeft = index < at || (index == at && at < leaf.Count);
        ref readonly var leftLast = ref toLeft && index == at ? ref entry : ref leaf.Entries[at - 1];
        ref readonly var rightFirst = ref !toLeft && index == at ? ref entry : ref leaf.Entries[at];
        var separator = Separator.Between(leftLast.Key(_slabs), rightFirst.Key(_slabs), rightFirst.Timestamp);

        var right = new LeafBlock();
        leaf.MoveTail(at, right);
        leaf.SetSkip(_slabs, Separator.SharedBytes(low, separator));
        right.SetSkip(_slabs, Separator.SharedBytes(separator, high));
        var target = toLeft ? leaf : right;
        target.InsertAt(toLeft ? index : index - at, KeyPrefix.At(key, target.Skip), entry);
        _leaves++;

        (right.Previous, right.Next, leaf.Next) = (leaf, leaf.Next, right);
        if (right.Next is { } next)
            next.Previous = right;
        else
            Last = right;
        InsertChild(level, separator, right);
    }

    private void InsertChild(int level, Separator separator, TreeBlock child)
    {
        if (level < 0)
        {
            GrowRoot(separator, child);
            return;
        }

        var branch = _path.Branches[level];
        var index = _path.Indexes[level];
        if (branch.Count < BranchBlock.Capacity)
        {
            branch.InsertRightOf(index, separator, child);
            return;
        }

        TreeBlock[] children = [.. branch.Children[..(index + 1)], child, .. branch.Children[(index + 1)..branch.Count]];
        Separator[] separators = [.. branch.Separators[..index], separator, .. branch.Separators[index..(branch.Count - 1)]];
        var low = level == 0 ? null : _path.LowFence(level - 1, _path.Indexes[level - 1]);
        var high = level == 0 ? null : _path.HighFence(level - 1, _path.Indexes[level - 1]);
        var right = new BranchBlock();
        _branches++;
        var middle = Distribute(children, separators, branch, right, low, high);
        InsertChild(level - 1, middle, right);
    }

    private void GrowRoot(Separator separator, TreeBlock child)
    {
        if (_height == TreePath.MaxDepth)
            throw new InvalidOperationException("The tree is deeper than its bound; its structure is broken.");
        var root = new BranchBlock();
        root.Fill([_root, child], [separator], skip: 0);
        _root = root;
        _height++;
        _branches++;
    }

    // Gives each of two neighbours half of the children; returns the separator between them.
    private static Separator Distribute(
        ReadOnlySpan<TreeBlock> children,
        ReadOnlySpan<Separator> separators,
        BranchBlock left,
        BranchBlock right,
        Separator? low,
        Separator? high)
    {
        var half = children.Length / 2;
        var middle = separators[half - 1];
        left.Fill(children[..half], separators[..(half - 1)], Separator.SharedBytes(low, middle));
        right.Fill(children[half..], separators[half..], Separator.SharedBytes(middle, high));
        return middle;
    }

    private void JoinLeaf(LeafBlock leaf)
    {
        if (_height == 0)
            return;
        var level = _height - 1;
        var parent = _path.Branches[level];
        var index = _path.Indexes[level];
        var right = index + 1 < parent.Count ? (LeafBlock)parent.Children[index + 1] : null;
        var left = index > 0 ? (LeafBlock)parent.Children[index - 1] : null;
        if (right is not null && (leaf.Count == 0 || leaf.Count + right.Count <= JoinLeavesUpTo))
            JoinLeaves(level, index, leaf, right);
        else if (left is not null && (leaf.Count == 0 || leaf.Count + left.Count <= JoinLeavesUpTo))
            JoinLeaves(level, index - 1, left, leaf);
    }

    private void JoinLeaves(int level, int leftIndex, LeafBlock left, LeafBlock right)
    {
        var low = _path.LowFence(level, leftIndex);
        var high = _path.HighFence(level, leftIndex + 1);
        left.SetSkip(_slabs, Separator.SharedBytes(low, high));
        left.Absorb(_slabs, right);
        _leaves--;
        left.Next = right.Next;
        if (right.Next is { } next)
            next.Previous = left;
        else
            Last = left;
        _path.Branches[level].RemoveRightOf(leftIndex);
        JoinBranch(level);
    }

    private void JoinBranch(int level)
    {
        var branch = _path.Branches[level];
        if (level == 0)
        {
            if (branch.Count > 1)
                return;
            _root = branch.Children[0];
            _height--;
            _branches--;
            return;
        }

        if (branch.Count >= BranchBlock.MinChildren)
            return;
        var parent = _path.Branches[level - 1];
        var index = _path.Indexes[level - 1];
        var leftIndex = index + 1 < parent.Count ? index : index - 1;
        var left = (BranchBlock)parent.Children[leftIndex];
        var right = (BranchBlock)parent.Children[leftIndex + 1];
        TreeBlock[] children = [.. left.Children[..left.Count], .. right.Children[..right.Count]];
        Separator[] separators =
        [
            .. left.Separators[..(left.Count - 1)],
            parent.Separators[leftIndex],
            .. right.Separators[..(right.Count - 1)],
        ];
        var low = _path.LowFence(level - 1, leftIndex);
        var high = _path.HighFence(level - 1, leftIndex + 1);
        if (children.Length > BranchBlock.Capacity)
        {
            parent.SetSeparator(leftIndex, Distribute(children, separators, left, right, low, high));
            return;
        }

        left.Fill(children, separators, Separator.SharedBytes(low, high));
        _branches--;
        parent.RemoveRightOf(leftIndex);
        JoinBranch(level - 1);
    }
}

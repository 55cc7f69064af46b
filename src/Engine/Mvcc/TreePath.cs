namespace GrainDb.Engine.Mvcc;

/// <summary>The branches from the root to one leaf, and which child was taken in each.</summary>
internal sealed class TreePath
{
    /// <summary>Most levels of branches. With at least 16 children each, that is more than any memory holds.</summary>
    public const int MaxDepth = 16;

    public readonly BranchBlock[] Branches = new BranchBlock[MaxDepth];
    public readonly int[] Indexes = new int[MaxDepth];
    public int Depth;

    public void Clear()
    {
        Array.Clear(Branches, 0, Depth);
        Depth = 0;
    }

    public void Push(BranchBlock branch, int index)
    {
        Branches[Depth] = branch;
        Indexes[Depth++] = index;
    }

    /// <summary>The separator before child <paramref name="index"/> of the branch at <paramref name="level"/>; null at the left edge of the tree.</summary>
    public Separator? LowFence(int level, int index)
    {
        for (; level >= 0; level--)
        {
            if (index > 0)
                return Branches[level].Separators[index - 1];
            index = level > 0 ? Indexes[level - 1] : 0;
        }

        return null;
    }

    /// <summary>The separator after child <paramref name="index"/> of the branch at <paramref name="level"/>; null at the right edge of the tree.</summary>
    public Separator? HighFence(int level, int index)
    {
        for (; level >= 0; level--)
        {
            if (index < Branches[level].Count - 1)
                return Branches[level].Separators[index];
            index = level > 0 ? Indexes[level - 1] : 0;
        }

        return null;
    }

    /// <summary>The separator before the leaf; null for the first leaf.</summary>
    public Separator? LeafLowFence() => Depth == 0 ? null : LowFence(Depth - 1, Indexes[Depth - 1]);
}

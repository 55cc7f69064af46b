using System.Runtime.CompilerServices;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// An inner block: children, and between each two of them a separator. Every branch has at least two children, so that a leaf
/// that disappears always has a neighbour under the same parent.
/// </summary>
internal sealed class BranchBlock : TreeBlock
{
    /// <summary>Most children.</summary>
    public const int Capacity = PrefixSlots.Capacity;

    /// <summary>Below this a branch is joined with, or filled up from, a neighbour.</summary>
    public const int MinChildren = Capacity / 4;

    /// <summary>Bytes of the object.</summary>
    public const int FixedBytes = 24 + (Capacity * 3 * sizeof(ulong));

    // Of the separators; there is one less than children.
    private PrefixSlots _prefixes;
    public ChildSlots Children;
    public SeparatorSlots Separators;

    /// <summary>The child that holds, or would hold, the given place: as many separators are at or before it.</summary>
    public int ChildFor(ReadOnlySpan<byte> key, ulong timestamp) => Find(key, timestamp, countEqual: true);

    /// <summary>The last child that can hold anything before the given place.</summary>
    public int ChildBefore(ReadOnlySpan<byte> key, ulong timestamp) => Find(key, timestamp, countEqual: false);

    /// <summary>Puts a child to the right of the one at <paramref name="index"/>; there must be room.</summary>
    public void InsertRightOf(int index, Separator separator, TreeBlock child)
    {
        Children[(index + 1)..Count].CopyTo(Children[(index + 2)..]);
        Separators[index..(Count - 1)].CopyTo(Separators[(index + 1)..]);
        _prefixes[index..(Count - 1)].CopyTo(_prefixes[(index + 1)..]);
        Children[index + 1] = child;
        Count++;
        SetSeparator(index, separator);
    }

    /// <summary>Removes the child to the right of <paramref name="index"/> and the separator between.</summary>
    public void RemoveRightOf(int index)
    {
        Children[(index + 2)..Count].CopyTo(Children[(index + 1)..]);
        Separators[(index + 1)..(Count - 1)].CopyTo(Separators[index..]);
        _prefixes[(index + 1)..(Count - 1)].CopyTo(_prefixes[index..]);
        Count--;
        Children[Count] = null!;
        Separators[Count - 1] = null!;
    }

    /// <summary>Replaces the separator between two children.</summary>
    public void SetSeparator(int index, Separator separator)
    {
        Separators[index] = separator;
        _prefixes[index] = KeyPrefix.At(separator.Key, Skip);
    }

    /// <summary>Replaces everything.</summary>
    public void Fill(ReadOnlySpan<TreeBlock> children, ReadOnlySpan<Separator> separators, int skip)
    {
        Children[..].Clear();
        Separators[..].Clear();
        children.CopyTo(Children);
        Count = children.Length;
        Skip = skip;
        for (var index = 0; index < separators.Length; index++)
            SetSeparator(index, separators[index]);
    }

    // Number of separators before the place, with or without one that is equal to it.
    private int Find(ReadOnlySpan<byte> key, ulong timestamp, bool countEqual)
    {
        var target = KeyPrefix.At(key, Skip);
        var low = _prefixes.CountLess(Count - 1, target);
        if (low == Count - 1 || _prefixes[low] != target)
            return low;

        // Separators that differ behind the prefix.
        var high = _prefixes.CountLessOrEqual(Count - 1, target);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var order = Separators[middle].CompareTo(key, timestamp);
            if (order < 0 || (order == 0 && countEqual))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}

/// <summary>The children of one branch, inside the branch's own object.</summary>
[InlineArray(PrefixSlots.Capacity)]
internal struct ChildSlots
{
    private TreeBlock _first;
}

/// <summary>The separators of one branch, inside the branch's own object.</summary>
[InlineArray(PrefixSlots.Capacity)]
internal struct SeparatorSlots
{
    private Separator _first;
}

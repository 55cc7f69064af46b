namespace GrainDb.Engine.Mvcc;

/// <summary>
/// An inner block: children, and between each two of them a separator. Every branch has at least two children, so that a leaf
/// that disappears always has a neighbour under the same parent.
/// </summary>
internal sealed class BranchBlock : TreeBlock
{
    /// <summary>Most children.</summary>
    public const int Capacity = 64;

    /// <summary>Below this a branch is joined with, or filled up from, a neighbour.</summary>
    public const int MinChildren = Capacity / 4;

    /// <summary>Approximate bytes of the object and its arrays.</summary>
    public const int FixedBytes = 48 + (3 * 24) + (Capacity * 3 * sizeof(ulong));

    public readonly TreeBlock[] Children = new TreeBlock[Capacity];
    public readonly Separator[] Separators = new Separator[Capacity - 1];
    private readonly ulong[] _prefixes = new ulong[Capacity - 1];

    /// <summary>Children; there is one separator less.</summary>
    public int Count;

    /// <summary>The child that holds, or would hold, the given place: as many separators are at or before it.</summary>
    public int ChildFor(ReadOnlySpan<byte> key, ulong timestamp) => Find(key, timestamp, orderOfEqual: -1);

    /// <summary>The last child that can hold anything before the given place.</summary>
    public int ChildBefore(ReadOnlySpan<byte> key, ulong timestamp) => Find(key, timestamp, orderOfEqual: 0);

    /// <summary>Puts a child to the right of the one at <paramref name="index"/>; there must be room.</summary>
    public void InsertRightOf(int index, Separator separator, TreeBlock child)
    {
        var tail = Count - 1 - index;
        Array.Copy(Children, index + 1, Children, index + 2, tail);
        Array.Copy(Separators, index, Separators, index + 1, tail);
        Array.Copy(_prefixes, index, _prefixes, index + 1, tail);
        Children[index + 1] = child;
        Count++;
        SetSeparator(index, separator);
    }

    /// <summary>Removes the child to the right of <paramref name="index"/> and the separator between.</summary>
    public void RemoveRightOf(int index)
    {
        var tail = Count - 2 - index;
        Array.Copy(Children, index + 2, Children, index + 1, tail);
        Array.Copy(Separators, index + 1, Separators, index, tail);
        Array.Copy(_prefixes, index + 1, _prefixes, index, tail);
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
        Array.Clear(Children);
        Array.Clear(Separators);
        children.CopyTo(Children);
        Count = children.Length;
        Skip = skip;
        for (var index = 0; index < separators.Length; index++)
            SetSeparator(index, separators[index]);
    }

    // Number of separators that are before the place; equal ones count when orderOfEqual is negative.
    private int Find(ReadOnlySpan<byte> key, ulong timestamp, int orderOfEqual)
    {
        var target = KeyPrefix.At(key, Skip);
        var prefixes = _prefixes;
        var low = 0;
        var high = Count - 1;
        while (low < high)
        {
            var middle = (int)((uint)(low + high) >> 1);
            var prefix = prefixes[middle];
            bool before;
            if (prefix != target)
            {
                before = prefix < target;
            }
            else
            {
                var order = Separators[middle].CompareTo(key, timestamp);
                before = order < 0 || (order == 0 && orderOfEqual < 0);
            }

            if (before)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}

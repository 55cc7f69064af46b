using System.Numerics;
using System.Runtime.CompilerServices;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The key prefixes of one block, inside the block's own object, and the search in them. Counting the smaller ones with
/// vectors reads the eight cache lines side by side; a binary search would wait for three of them one after the other and guess
/// every branch wrong half of the time.
/// </summary>
[InlineArray(Capacity)]
internal struct PrefixSlots
{
    /// <summary>Entries of a leaf, or children of a branch.</summary>
    public const int Capacity = 64;

    private ulong _first;

    /// <summary>How many of the first <paramref name="count"/> prefixes, which ascend, are less than <paramref name="target"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int CountLess(int count, ulong target)
    {
        ReadOnlySpan<ulong> prefixes = this;
        prefixes = prefixes[..count];
        var wanted = new Vector<ulong>(target);
        var negated = Vector<ulong>.Zero;
        var index = 0;
        for (; index <= prefixes.Length - Vector<ulong>.Count; index += Vector<ulong>.Count)
            negated += Vector.LessThan(new Vector<ulong>(prefixes[index..]), wanted);

        var less = -(int)Vector.Sum(negated);
        for (; index < prefixes.Length; index++)
            less += prefixes[index] < target ? 1 : 0;
        return less;
    }

    /// <summary>How many of the first <paramref name="count"/> prefixes, which ascend, are at most <paramref name="target"/>.</summary>
    public readonly int CountLessOrEqual(int count, ulong target) => target == ulong.MaxValue ? count : CountLess(count, target + 1);
}

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// The arrays of leaf blocks in a few lengths, so that a half-empty block does not pay for a full one. What a block outgrows is
/// kept for the next: under random inserts, growth and splits feed each other and produce next to no garbage.
/// </summary>
internal sealed class BlockArrays
{
    // Spare pairs of each length.
    private const int MaxSpares = 8;

    private static readonly int[] Lengths = [4, 8, 16, 32, 48, LeafBlock.Capacity];

    private readonly Stack<(ulong[] Prefixes, VersionEntry[] Entries)>?[] _spares = new Stack<(ulong[], VersionEntry[])>[Lengths.Length];

    /// <summary>A pair of arrays with room for <paramref name="count"/> entries; the content is arbitrary.</summary>
    public (ulong[] Prefixes, VersionEntry[] Entries) Rent(int count)
    {
        var index = IndexFor(count);
        if (_spares[index] is { } spares && spares.TryPop(out var spare))
            return spare;
        return (new ulong[Lengths[index]], new VersionEntry[Lengths[index]]);
    }

    /// <summary>Takes back a pair that no block uses any more.</summary>
    public void Return(ulong[] prefixes, VersionEntry[] entries)
    {
        var spares = _spares[IndexFor(entries.Length)] ??= new();
        if (spares.Count < MaxSpares)
            spares.Push((prefixes, entries));
    }

    /// <summary>The length of array that <see cref="Rent"/> gives for a count.</summary>
    public static int LengthFor(int count) => Lengths[IndexFor(count)];

    private static int IndexFor(int count)
    {
        var index = 0;
        while (Lengths[index] < count)
            index++;
        return index;
    }
}

namespace GrainDb.Engine.Ring;

/// <summary>
/// The virtual nodes of a ring as flat arrays, sorted by position and, where two coincide, by node. Position
/// <c>i</c> owns the arc of tokens after position <c>i − 1</c> up to and including itself; the first one also owns what lies
/// behind the last. A table indexed by the top bits of a token gives the first position at or above that prefix. It has at
/// least as many slots as there are positions, so a lookup compares one or two of them instead of searching.
/// </summary>
internal sealed class RingPositions
{
    private readonly ulong[] _positions;
    private readonly ushort[] _owners;
    private readonly int[] _firstAtPrefix;
    private readonly int _prefixShift;

    /// <summary>Takes over both arrays and sorts them.</summary>
    /// <param name="positions">Where the virtual nodes are.</param>
    /// <param name="owners">Index of each one's node; nodes are numbered in the order of their names.</param>
    public RingPositions(ulong[] positions, ushort[] owners)
    {
        // Stable across platforms: equal positions are put in order below, whatever the sort did with them.
        Array.Sort(positions, owners);
        for (var start = 0; start < positions.Length;)
        {
            var end = start + 1;
            while (end < positions.Length && positions[end] == positions[start])
                end++;
            Array.Sort(owners, start, end - start);
            start = end;
        }

        _positions = positions;
        _owners = owners;
        var prefixBits = 1;
        while (1 << prefixBits < positions.Length)
            prefixBits++;
        _prefixShift = 64 - prefixBits;
        _firstAtPrefix = new int[1 << prefixBits];
        for (int prefix = 0, first = 0; prefix < _firstAtPrefix.Length; prefix++)
        {
            while (first < positions.Length && positions[first] >> _prefixShift < (ulong)prefix)
                first++;
            _firstAtPrefix[prefix] = first;
        }
    }

    /// <summary>Number of virtual nodes.</summary>
    public int Count => _positions.Length;

    /// <summary>Position by rank.</summary>
    public ulong this[int index] => _positions[index];

    /// <summary>Index of the node that owns a position.</summary>
    public int Owner(int index) => _owners[index];

    /// <summary>The next position clockwise.</summary>
    public int Following(int index) => index + 1 == _positions.Length ? 0 : index + 1;

    /// <summary>The first position at or clockwise after <paramref name="token"/>. There must be one at all.</summary>
    public int Find(ulong token)
    {
        var positions = _positions;
        var index = _firstAtPrefix[token >> _prefixShift];
        while ((uint)index < (uint)positions.Length && positions[index] < token)
            index++;
        return index == positions.Length ? 0 : index;
    }

    /// <summary>Length of the arc that a position owns, in tokens. All arcs together are 2^64.</summary>
    public UInt128 Arc(int index)
    {
        if (index > 0)
            return _positions[index] - _positions[index - 1];
        var arc = unchecked(_positions[0] - _positions[^1]);
        return arc == 0 ? HashRing.TokenCount : arc;
    }
}

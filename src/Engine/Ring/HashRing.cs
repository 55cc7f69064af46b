using System.IO.Hashing;
using System.Text;

namespace GrainDb.Engine.Ring;

/// <summary>
/// The consistent-hash ring of one region: an immutable value. Every node stands on it with virtual nodes in
/// proportion to its weight; a key belongs to the first distinct nodes clockwise from its token. The same nodes and
/// weights give the same ring on every machine and platform; the order in which they are given does not matter.
/// <para>Token of a key: XxHash3-64 of its bytes. Position of a virtual node: XxHash3-64 of the UTF-8 bytes of
/// <c>"{node}#{i}"</c>, i from 0. A token equal to a position belongs to that position; of coinciding positions the node whose name
/// is first in ordinal order wins. See docs/adr/0004-hash-function.md.</para>
/// <para>Source: Karger et al., "Consistent Hashing and Random Trees" (1997); the walk to distinct physical nodes is
/// Dynamo's preference list (2007).</para>
/// </summary>
public sealed class HashRing
{
    /// <summary>
    /// Virtual nodes of a node of weight 1. A node's share scatters around its weight by 1/√n of it, here about 2 %: ADR
    /// 0004 has the measurements behind it.
    /// </summary>
    public const int DefaultVirtualNodesPerUnit = 2048;

    /// <summary>Most nodes of a ring.</summary>
    public const int MaxNodes = 4096;

    /// <summary>Most virtual nodes of a ring; about 60 MB of tables.</summary>
    public const int MaxVirtualNodes = 1 << 22;

    /// <summary>Number of tokens: the whole ring.</summary>
    internal static readonly UInt128 TokenCount = UInt128.One << 64;

    private readonly RingNode[] _nodes;
    private readonly int[] _virtualNodes;
    private readonly UInt128[] _arcs;
    private readonly Dictionary<string, int> _indexes;

    /// <summary>A ring with <see cref="DefaultVirtualNodesPerUnit"/>.</summary>
    /// <inheritdoc cref="HashRing(long, IEnumerable{RingNode}, int)"/>
    public HashRing(long version, IEnumerable<RingNode> nodes)
        : this(version, nodes, DefaultVirtualNodesPerUnit)
    {
    }

    /// <summary>Builds a ring: O(v log v) in the number of virtual nodes.</summary>
    /// <param name="version">Grows with every change of the region's ring.</param>
    /// <param name="nodes">In any order; may be empty.</param>
    /// <param name="virtualNodesPerUnit">Virtual nodes of weight 1; every node gets at least one.</param>
    /// <exception cref="InvalidRingException">
    /// A name is empty or doubled, a weight is not finite and above zero, or a bound is exceeded.
    /// </exception>
    public HashRing(long version, IEnumerable<RingNode> nodes, int virtualNodesPerUnit)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentOutOfRangeException.ThrowIfLessThan(virtualNodesPerUnit, 1);
        Version = version;
        VirtualNodesPerUnit = virtualNodesPerUnit;
        _nodes = [.. nodes];
        Array.Sort(_nodes, static (left, right) => string.CompareOrdinal(left.Name, right.Name));
        Validate(_nodes);
        _indexes = new(_nodes.Length, StringComparer.Ordinal);
        foreach (var node in _nodes)
            _indexes.Add(node.Name, _indexes.Count);
        _virtualNodes = CountVirtualNodes(_nodes, virtualNodesPerUnit);
        Positions = Place(_nodes, _virtualNodes);
        _arcs = new UInt128[_nodes.Length];
        for (var i = 0; i < Positions.Count; i++)
            _arcs[Positions.Owner(i)] += Positions.Arc(i);
        TotalWeight = _nodes.Sum(static node => node.Weight);
    }

    /// <summary>Grows with every change of the region's ring.</summary>
    public long Version { get; }

    /// <summary>Virtual nodes of weight 1.</summary>
    public int VirtualNodesPerUnit { get; }

    /// <summary>The nodes in ordinal order of their names; node indexes count in this list.</summary>
    public IReadOnlyList<RingNode> Nodes => _nodes;

    /// <summary>Sum of all weights.</summary>
    public double TotalWeight { get; }

    /// <summary>The virtual nodes.</summary>
    internal RingPositions Positions { get; }

    /// <summary>The token of a key: XxHash3-64 of its bytes.</summary>
    public static ulong Token(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(key);

    /// <summary>The token of a text, such as a grain key: that of its UTF-8 bytes.</summary>
    public static ulong Token(string text)
    {
        const int MaxOnStack = 256;
        ArgumentNullException.ThrowIfNull(text);
        var bound = Encoding.UTF8.GetMaxByteCount(text.Length);
        Span<byte> bytes = bound <= MaxOnStack ? stackalloc byte[MaxOnStack] : new byte[bound];
        return Token(bytes[..Encoding.UTF8.GetBytes(text, bytes)]);
    }

    /// <summary>Whether a node of this name is on the ring, and its index in <see cref="Nodes"/>.</summary>
    public bool TryGetIndex(string? name, out int index)
    {
        index = -1;
        return name is not null && _indexes.TryGetValue(name, out index);
    }

    /// <summary>Number of virtual nodes of a node.</summary>
    /// <exception cref="InvalidRingException">No such node.</exception>
    public int VirtualNodes(string name) => _virtualNodes[IndexOf(name)];

    /// <summary>Fraction of all tokens whose primary the node is: the exact sum of its arcs. All shares add up to 1.</summary>
    /// <exception cref="InvalidRingException">No such node.</exception>
    public double Share(string name) => Fraction(_arcs[IndexOf(name)]);

    /// <summary>Fraction of all tokens that the node's weight promises it.</summary>
    /// <exception cref="InvalidRingException">No such node.</exception>
    public double ExpectedShare(string name) => _nodes[IndexOf(name)].Weight / TotalWeight;

    /// <summary>The first node clockwise from <paramref name="token"/>; null if the ring is empty. Does not allocate.</summary>
    public string? GetPrimary(ulong token) => _nodes.Length == 0 ? null : _nodes[Positions.Owner(Positions.Find(token))].Name;

    /// <summary>The first <paramref name="n"/> distinct nodes clockwise from the key's token.</summary>
    /// <inheritdoc cref="GetNodes(ulong, int)"/>
    public string[] GetNodes(ReadOnlySpan<byte> key, int n) => GetNodes(Token(key), n);

    /// <summary>The first <paramref name="n"/> distinct nodes clockwise from <paramref name="token"/>.</summary>
    /// <returns>Their names, primary first; fewer if the ring has fewer nodes, none if it is empty.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is below 1.</exception>
    public string[] GetNodes(ulong token, int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        Span<int> indexes = stackalloc int[Math.Min(n, _nodes.Length)];
        if (indexes.IsEmpty)
            return [];
        GetNodes(token, indexes);
        var names = new string[indexes.Length];
        for (var i = 0; i < names.Length; i++)
            names[i] = _nodes[indexes[i]].Name;
        return names;
    }

    /// <summary>
    /// Fills <paramref name="destination"/> with the indexes of the first distinct nodes clockwise from
    /// <paramref name="token"/>, primary first. Does not allocate.
    /// </summary>
    /// <returns>How many there are: the length of <paramref name="destination"/>, or the number of nodes if that is less.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is empty.</exception>
    public int GetNodes(ulong token, Span<int> destination)
    {
        if (destination.IsEmpty)
            throw new ArgumentException("Asks for no node; ask for at least one.", nameof(destination));
        return _nodes.Length == 0 ? 0 : Walk(Positions.Find(token), destination);
    }

    /// <summary>The distinct nodes clockwise from a position. Ends because every node has a virtual node.</summary>
    internal int Walk(int position, Span<int> destination)
    {
        destination[0] = Positions.Owner(position);
        var wanted = Math.Min(destination.Length, _nodes.Length);
        for (var found = 1; found < wanted;)
        {
            position = Positions.Following(position);
            var node = Positions.Owner(position);
            if (!destination[..found].Contains(node))
                destination[found++] = node;
        }

        return wanted;
    }

    /// <summary>A number of tokens as a fraction of all.</summary>
    internal static double Fraction(UInt128 tokens) => (double)tokens / (double)TokenCount;

    private static void Validate(RingNode[] nodes)
    {
        if (nodes.Length > MaxNodes)
            throw new InvalidRingException($"A ring has at most {MaxNodes} nodes; {nodes.Length} were given.");
        for (var i = 0; i < nodes.Length; i++)
        {
            var (name, weight) = nodes[i];
            if (string.IsNullOrEmpty(name))
                throw new InvalidRingException("A node has no name.");
            if (i > 0 && string.Equals(name, nodes[i - 1].Name, StringComparison.Ordinal))
                throw new InvalidRingException($"Node '{name}' is named twice.");
            if (!double.IsFinite(weight) || weight <= 0)
                throw new InvalidRingException($"The weight of node '{name}' is {weight}; it must be finite and above 0.");
        }
    }

    private static int[] CountVirtualNodes(RingNode[] nodes, int perUnit)
    {
        var counts = new int[nodes.Length];
        var total = 0d;
        for (var i = 0; i < nodes.Length; i++)
        {
            var count = Math.Max(1, Math.Round(perUnit * nodes[i].Weight, MidpointRounding.AwayFromZero));
            total += count;
            if (total > MaxVirtualNodes)
                throw new InvalidRingException($"The weights ask for more than {MaxVirtualNodes} virtual nodes at {perUnit} for weight 1.");
            counts[i] = (int)count;
        }

        return counts;
    }

    private static RingPositions Place(RingNode[] nodes, int[] virtualNodes)
    {
        const int MaxSuffix = 16; // '#' and the digits of an int
        var positions = new ulong[virtualNodes.Sum()];
        var owners = new ushort[positions.Length];
        var next = 0;
        for (var node = 0; node < nodes.Length; node++)
        {
            var name = Encoding.UTF8.GetBytes(nodes[node].Name);
            var text = new byte[name.Length + MaxSuffix];
            name.CopyTo(text, 0);
            text[name.Length] = (byte)'#';
            for (var i = 0; i < virtualNodes[node]; i++, next++)
            {
                _ = i.TryFormat(text.AsSpan(name.Length + 1), out var digits);
                positions[next] = XxHash3.HashToUInt64(text.AsSpan(0, name.Length + 1 + digits));
                owners[next] = (ushort)node;
            }
        }

        return new(positions, owners);
    }

    private int IndexOf(string name) =>
        TryGetIndex(name, out var index) ? index : throw new InvalidRingException($"There is no node '{name}' on the ring.");
}

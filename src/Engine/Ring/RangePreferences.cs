namespace GrainDb.Engine.Ring;

/// <summary>
/// What placement knows of each range, in node indexes: the ring walk from its token over all nodes, which is its order of
/// preference, and the nodes that hold it now. Ranges are numbered in the order given.
/// </summary>
internal sealed class RangePreferences
{
    private readonly ushort[] _walks;
    private readonly ushort[] _ranks;
    private readonly int[][] _holders;
    private readonly int[] _leaders;

    public RangePreferences(HashRing ring, RingRange[] ranges)
    {
        Nodes = ring.Nodes;
        RangeCount = ranges.Length;
        _walks = new ushort[RangeCount * Nodes.Count];
        _ranks = new ushort[RangeCount * Nodes.Count];
        _holders = new int[RangeCount][];
        _leaders = new int[RangeCount];
        var walk = new int[Nodes.Count];
        for (var range = 0; range < RangeCount; range++)
        {
            ring.GetNodes(ranges[range].Token, walk);
            for (var rank = 0; rank < walk.Length; rank++)
            {
                _walks[(range * walk.Length) + rank] = (ushort)walk[rank];
                _ranks[(range * walk.Length) + walk[rank]] = (ushort)rank;
            }

            var replicas = ranges[range].Replicas;
            _leaders[range] = replicas.Count > 0 && ring.TryGetIndex(replicas[0], out var leader) ? leader : -1;
            _holders[range] = [.. replicas.Select(name => ring.TryGetIndex(name, out var index) ? index : -1).Where(index => index >= 0)];
        }
    }

    public IReadOnlyList<RingNode> Nodes { get; }

    public int RangeCount { get; }

    /// <summary>The node at a rank of the range's ring walk; rank 0 is the ring's primary.</summary>
    public int NodeAt(int range, int rank) => _walks[(range * Nodes.Count) + rank];

    /// <summary>Where a node comes in the range's ring walk.</summary>
    public int Rank(int range, int node) => _ranks[(range * Nodes.Count) + node];

    /// <summary>The range's primary now; −1 if it has none or that node is off the ring.</summary>
    public int Leader(int range) => _leaders[range];

    /// <summary>Whether a node holds the range now.</summary>
    public bool Holds(int range, int node) => Array.IndexOf(_holders[range], node) >= 0;
}

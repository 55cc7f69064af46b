namespace GrainDb.Engine.Eventual;

/// <summary>
/// The hashes by which two replicas find where they differ: <see cref="Leaves"/> leaves over the hashes of keys, and every node the XOR of the leaves under it. A key goes into its leaf
/// with one hash of itself and its state's context; XOR takes it out again, so a change costs one step per level, and no leaf is ever read for it. Not thread-safe.
/// <para>Source: Riak's Tictac trees (basho/riak_kv, NextGenAAE).</para>
/// </summary>
internal sealed class MerkleTree
{
    /// <summary>Children of a node.</summary>
    public const int Fan = 16;

    /// <summary>Levels, the root's included.</summary>
    public const int Levels = 4;

    /// <summary>Number of leaves.</summary>
    public const int Leaves = 4096;

    private const int FanBits = 4;

    private readonly ulong[][] _levels = [new ulong[1], new ulong[Fan], new ulong[Fan * Fan], new ulong[Leaves]];

    /// <summary>Equal roots: equal states.</summary>
    public ulong Root => _levels[0][0];

    /// <summary>The leaf of a key with this hash.</summary>
    public static int LeafOf(ulong keyHash) => (int)(keyHash & (Leaves - 1));

    /// <summary>Nodes of a level, 0 being the root's.</summary>
    public static int NodesOf(int level) => 1 << (FanBits * level);

    /// <summary>Puts a hash into its leaf, or takes it out.</summary>
    public void Toggle(int leaf, ulong hash)
    {
        for (var level = 0; level < Levels; level++)
            _levels[level][leaf >> (FanBits * (Levels - 1 - level))] ^= hash;
    }

    /// <summary>The hash of one node.</summary>
    public ulong HashOf(int level, int node) => _levels[level][node];

    /// <summary>Whether every node above the leaves is what its children make.</summary>
    public bool IsSumOfLeaves()
    {
        for (var level = 0; level < Levels - 1; level++)
        {
            for (var node = 0; node < _levels[level].Length; node++)
            {
                var sum = 0UL;
                foreach (var child in _levels[level + 1].AsSpan(node * Fan, Fan))
                    sum ^= child;
                if (sum != _levels[level][node])
                    return false;
            }
        }

        return true;
    }
}

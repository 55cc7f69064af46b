namespace GrainDb.Engine.Ring;

/// <summary>A change of one region's ring: any mixture of added, removed and re-weighted nodes, made in one step.</summary>
/// <param name="Add">Nodes to add; none of them may be on the ring.</param>
/// <param name="Remove">Names of nodes to remove.</param>
/// <param name="Weights">New weights by name.</param>
public sealed record RingChange(
    IReadOnlyList<RingNode> Add,
    IReadOnlyList<string> Remove,
    IReadOnlyDictionary<string, double> Weights)
{
    /// <summary>The ring after the change, one version later, with the same virtual nodes per unit.</summary>
    /// <exception cref="InvalidRingException">
    /// A node to remove or re-weight is not on the ring, one is named twice or both removed and re-weighted, one to add is
    /// there already, or the result is no ring.
    /// </exception>
    public HashRing ApplyTo(HashRing ring)
    {
        ArgumentNullException.ThrowIfNull(ring);
        var removed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in Remove)
        {
            if (!ring.TryGetIndex(name, out _))
                throw new InvalidRingException($"Node '{name}' is to be removed but is not on the ring.");
            if (!removed.Add(name))
                throw new InvalidRingException($"Node '{name}' is to be removed twice.");
        }

        foreach (var name in Weights.Keys)
        {
            if (!ring.TryGetIndex(name, out _))
                throw new InvalidRingException($"Node '{name}' is to get a new weight but is not on the ring.");
            if (removed.Contains(name))
                throw new InvalidRingException($"Node '{name}' is to be removed and to get a new weight.");
        }

        foreach (var node in Add)
        {
            if (ring.TryGetIndex(node.Name, out _))
                throw new InvalidRingException($"Node '{node.Name}' is to be added but is on the ring already.");
        }

        var kept = ring.Nodes
            .Where(node => !removed.Contains(node.Name))
            .Select(node => Weights.TryGetValue(node.Name, out var weight) ? node with { Weight = weight } : node);
        return new(ring.Version + 1, kept.Concat(Add), ring.VirtualNodesPerUnit);
    }
}

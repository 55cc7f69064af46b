using System.Collections.Frozen;

namespace GrainDb.Grains.Placement;

/// <summary>Which nodes the membership table holds active, by their stable names. Asked for every call between nodes, so each snapshot is looked through once.</summary>
internal sealed class LiveNodes(IClusterMembershipService membership)
{
    private volatile View? _view;

    /// <summary>The silo of a node; null when it is not active. Of two active ones (a fast restart) the younger.</summary>
    public SiloAddress? Find(string node) => Current().Silos.GetValueOrDefault(node);

    /// <summary>All active nodes.</summary>
    public IReadOnlyList<string> Names() => Current().Silos.Keys;

    /// <summary>Whether this process's own silo is active.</summary>
    public bool IsActive(SiloAddress silo) =>
        membership.CurrentSnapshot.Members.TryGetValue(silo, out var member) && member.Status == SiloStatus.Active;

    private View Current()
    {
        var snapshot = membership.CurrentSnapshot;
        if (_view is { } view && ReferenceEquals(view.Snapshot, snapshot))
            return view;
        var active = snapshot.Members.Values.Where(member => member.Status == SiloStatus.Active).GroupBy(member => member.Name, StringComparer.Ordinal);
        return _view = new View(snapshot, active.ToFrozenDictionary(
            silos => silos.Key, silos => silos.MaxBy(silo => silo.SiloAddress.Generation)!.SiloAddress, StringComparer.Ordinal));
    }

    private sealed record View(ClusterMembershipSnapshot Snapshot, FrozenDictionary<string, SiloAddress> Silos);
}

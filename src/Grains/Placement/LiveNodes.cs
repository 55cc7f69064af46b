
namespace GrainDb.Grains.Placement;

/// <summary>Which nodes the membership table holds active, by their stable names.</summary>
internal sealed class LiveNodes(IClusterMembershipService membership)
{
    /// <summary>The silo of a node; null when it is not active. Of two active ones (a fast restart) the younger.</summary>
    public SiloAddress? Find(string node)
    {
        SiloAddress? found = null;
        foreach (var member in membership.CurrentSnapshot.Members.Values)
        {
            if (member.Status == SiloStatus.Active && member.Name == node && (found is null || member.SiloAddress.Generation > found.Generation))
                found = member.SiloAddress;
        }

        return found;
    }

    /// <summary>All active nodes.</summary>
    public IReadOnlyList<string> Names() =>
    [
        .. membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active)
            .Select(member => member.Name)
            .Distinct(StringComparer.Ordinal),
    ];

    /// <summary>Whether this process's own silo is active.</summary>
    public bool IsActive(SiloAddress silo) =>
        membership.CurrentSnapshot.Members.TryGetValue(silo, out var member) && member.Status == SiloStatus.Active;
}

using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Ranges;
using Orleans.Runtime.Placement;

namespace GrainDb.Grains.Placement;

/// <summary>
/// Picks the silo from the local, immutable view of the meta range. Two silos whose views differ may pick differently: that
/// costs a wrong placement, which the grain notices when it activates, and never safety.
/// </summary>
internal sealed class RingPlacementDirector(LiveNodes nodes, MetaCache meta) : IPlacementDirector
{
    private static readonly GrainType RangeType = GrainType.Create(GrainTypes.Range);

    public async Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var compatible = context.GetCompatibleSilos(target);
        if (Pin(target.GrainIdentity) is { } node)
            return Find([node], compatible, $"node {node} is down");
        if (IPlacementDirector.GetPlacementHint(target.RequestContextData, compatible) is { } hint)
            return hint;
        return await PlaceRangeAsync(target, compatible);
    }

    private static string? Pin(GrainId grain)
    {
        try
        {
            return PinnedGrainDirectory.NodeOf(grain);
        }
        catch (FormatException exception)
        {
            throw new PlacementUnavailableException(exception.Message);
        }
    }

    private async Task<SiloAddress> PlaceRangeAsync(PlacementTarget target, SiloAddress[] compatible)
    {
        if (target.GrainIdentity.Type != RangeType || !target.GrainIdentity.TryGetIntegerKey(out var key, out _))
            throw new PlacementUnavailableException($"{target.GrainIdentity} is not placed by the ring");
        var range = new RangeId(key);
        var descriptor = meta.Find(range);
        if (descriptor is null)
        {
            await meta.RefreshAsync(CancellationToken.None);
            descriptor = meta.Find(range) ?? throw new PlacementUnavailableException($"range {range} does not exist");
        }

        // A node that does not know where the meta range is would wake it where it may not be able to lead. It asks the others first.
        if (range == RangeId.Meta && !MetaRangeFile.IsFormed(descriptor))
            throw new PlacementUnavailableException("this node does not know yet where the meta range is");

        return Find(descriptor.Nodes, compatible, $"no node of range {range} is up ({string.Join(", ", descriptor.Nodes)})");
    }

    private SiloAddress Find(IEnumerable<string> names, SiloAddress[] compatible, string otherwise)
    {
        foreach (var name in names)
        {
            if (nodes.Find(name) is { } silo && compatible.Contains(silo))
                return silo;
        }

        throw new PlacementUnavailableException(otherwise);
    }
}

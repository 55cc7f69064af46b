using GrainDb.Engine.Ring;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Grains.Nodes;

/// <summary>Answers "what if" for the rings of all regions. Pure: computes from what it is given and changes nothing.</summary>
internal static class RingPlanner
{
    public static RingView View(MetaSnapshot snapshot) =>
        new([.. snapshot.Rings.OrderBy(ring => ring.Key, StringComparer.Ordinal).Select(ring => View(ring.Key, ring.Value, snapshot))]);

    /// <exception cref="GrainDbException">The change does not fit the rings; the message says how.</exception>
    public static RingPlanView Plan(MetaSnapshot snapshot, IReadOnlyList<RangeStatus> ranges, RingPlanRequest request)
    {
        var after = Apply(snapshot, request);
        var factor = snapshot.KeyspaceRows
            .Where(row => !row.Keyspace.IsSystem)
            .Select(row => row.Keyspace.ReplicationFactor)
            .DefaultIfEmpty(KeyspaceRules.DefaultReplicationFactor)
            .Max();
        var fractions = new List<(double Weight, RingPlanFractions Fractions)>();
        foreach (var (region, ring) in after)
        {
            var before = snapshot.Rings.GetValueOrDefault(region) ?? new HashRing(0, []);
            fractions.Add((before.TotalWeight, RingDiff.Compare(before, ring, factor)));
        }

        var known = ranges.ToDictionary(status => status.Descriptor.Id);
        return new RingPlanView(
            Guid.NewGuid().ToString("N"),
            snapshot.Catalog.RingVersion,
            [.. snapshot.KeyspaceRows.SelectMany(row => Moves(snapshot, row, known, after))],
            fractions.Count == 1 ? fractions[0].Fractions : Combine(fractions),
            View(snapshot),
            new([.. after.OrderBy(ring => ring.Key, StringComparer.Ordinal).Select(ring => View(ring.Key, ring.Value, snapshot))]));
    }

    private static Dictionary<string, HashRing> Apply(MetaSnapshot snapshot, RingPlanRequest request)
    {
        var unknown = request.Remove.Concat(request.Weights.Keys).FirstOrDefault(name => snapshot.FindNode(name) is null);
        if (unknown is not null)
            throw Invalid($"there is no node '{unknown}'");
        if (request.Add.FirstOrDefault(node => snapshot.FindNode(node.Name) is not null) is { } existing)
            throw Invalid($"node '{existing.Name}' exists already");
        if (request.Add.Select(node => node.Name).Distinct(StringComparer.Ordinal).Count() != request.Add.Count)
            throw Invalid("add: a node is named twice");
        var after = new Dictionary<string, HashRing>();
        try
        {
            foreach (var region in snapshot.Rings.Keys.Union(request.Add.Select(node => node.Region)))
            {
                var before = snapshot.Rings.GetValueOrDefault(region) ?? new HashRing(0, []);
                bool IsHere(string name) => snapshot.FindNode(name)!.Region == region;
                after[region] = new RingChange(
                    [.. request.Add.Where(node => node.Region == region).Select(node => new RingNode(node.Name, node.Weight))],
                    [.. request.Remove.Where(IsHere)],
                    request.Weights.Where(weight => IsHere(weight.Key)).ToDictionary()).ApplyTo(before);
            }
        }
        catch (InvalidRingException exception)
        {
            throw Invalid(exception.Message);
        }

        return after.Values.All(ring => ring.Nodes.Count == 0) ? throw Invalid("remove: no node would be left") : after;
    }

    private static IEnumerable<PlannedMove> Moves(
        MetaSnapshot snapshot,
        KeyspaceRow row,
        Dictionary<RangeId, RangeStatus> known,
        Dictionary<string, HashRing> after)
    {
        // Which nodes hold the meta range is no matter of the ring.
        if (row.Keyspace.IsSystem || snapshot.FindKeyspace(row.Keyspace.Name) is not { } map)
            return [];
        var ranges = map.Ranges.Select(range => new RingRange(range.Id, RingRange.TokenOf(row.Keyspace.Name, row.Keyspace.Partitioning, range.Start), [.. range.Nodes])
        {
            Keys = known.GetValueOrDefault(range.Id) is { Keys: >= 0 } counted ? counted.Keys : null,
            Bytes = known.GetValueOrDefault(range.Id) is { Bytes: >= 0 } measured ? measured.Bytes : null,
        }).ToArray();
        var region = snapshot.FindNode(map.Ranges[0].Replicas[0].Node)?.Region;
        return region is not null && after.TryGetValue(region, out var ring) ? RingDiff.Moves(ranges, ring, row.Keyspace.ReplicationFactor) : [];
    }

    /// <summary>Several regions: each is its own hash space and counts by its weight.</summary>
    private static RingPlanFractions Combine(List<(double Weight, RingPlanFractions Fractions)> regions)
    {
        var total = regions.Sum(region => region.Weight);
        return new RingPlanFractions(
            regions.Sum(region => region.Fractions.Primaries * region.Weight / total),
            regions.Sum(region => region.Fractions.ReplicaSets * region.Weight / total),
            [
                .. regions
                    .SelectMany(region => region.Fractions.Flows.Select(flow => flow with { Fraction = flow.Fraction * region.Weight / total }))
                    .OrderByDescending(flow => flow.Fraction),
            ]);
    }

    private static RingRegionView View(string region, HashRing ring, MetaSnapshot snapshot) => new(
        region,
        ring.Version,
        ring.VirtualNodesPerUnit,
        [
            .. ring.Nodes.OrderBy(node => node.Name, StringComparer.Ordinal).Select(node => new RingNodeView(
                node.Name,
                node.Weight,
                ring.VirtualNodes(node.Name),
                ring.Share(node.Name),
                snapshot.FindNode(node.Name)?.State ?? NodeState.Joining)),
        ]);

    private static GrainDbException Invalid(string detail) => new(Failure.NotApplied(ErrorCode.InvalidRequest, detail));
}

using GrainDb.Engine.Ranges;
using GrainDb.Engine.Ring;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Meta;

/// <summary>
/// Keyspaces as rows of the meta range. Creating one: (1) one conditional write adds the keyspace, marked as being created, with
/// its range descriptors; (2) every node makes its empty replicas; (3) a second conditional write shows the keyspace. A crash in
/// between leaves the mark: the same request, or the first bootstrap node, goes on from there. Deleting is one write; the nodes
/// then remove replicas that no row names.
/// </summary>
internal sealed class KeyspaceCatalog(NodeOptions node, MetaCache meta, IGrainFactory grains) : IKeyspaceCatalog
{
    public async Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        return [.. snapshot.KeyspaceRows.Where(row => !row.IsCreating).Select(row => row.Keyspace).OrderBy(keyspace => keyspace.Name, StringComparer.Ordinal)];
    }

    public async Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken) =>
        (await meta.RefreshAsync(cancellationToken)).FindKeyspace(name) is { IsCreating: false } map ? map.Keyspace : null;

    public async Task<(bool Created, KeyspaceDescriptor Keyspace)> CreateAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken)
    {
        if (KeyspaceRules.Check(keyspace) is { } invalid)
            throw new GrainDbException(invalid);
        while (true)
        {
            var snapshot = await meta.RefreshAsync(cancellationToken);
            if (snapshot.FindKeyspace(keyspace.Name) is { } existing)
            {
                if (!KeyspaceRules.SameConfiguration(existing.Keyspace, keyspace))
                    throw Failed(ErrorCode.KeyspaceExists, $"keyspace '{keyspace.Name}' exists with another configuration");
                if (!existing.IsCreating)
                    return (false, existing.Keyspace);
                if (await TryFinishAsync(snapshot, existing, cancellationToken))
                    return (true, existing.Keyspace);
                continue;
            }

            await TryBeginAsync(snapshot, keyspace, cancellationToken);
        }
    }

    public async Task<KeyspaceDescriptor> UpdateAsync(string name, TimeSpan retention, CancellationToken cancellationToken)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(cancellationToken);
            var changed = Existing(snapshot, name).Keyspace with { Retention = retention };
            if (KeyspaceRules.Check(changed) is { } invalid)
                throw new GrainDbException(invalid);
            changed = changed with { Generation = changed.Generation + 1 };
            var row = MetaChange.Put(MetaRows.KeyspaceKey(name), new KeyspaceRow(changed, IsCreating: false));
            if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, [row], cancellationToken))
                return changed;
        }
    }

    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(cancellationToken);
            var map = Existing(snapshot, name);
            var rows = map.Ranges.Select(range => MetaChange.Delete(MetaRows.RangeKey(range.Id))).Prepend(MetaChange.Delete(MetaRows.KeyspaceKey(name)));
            if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, rows, cancellationToken))
                return;
        }
    }

    private async Task TryBeginAsync(MetaSnapshot snapshot, KeyspaceDescriptor keyspace, CancellationToken cancellationToken)
    {
        if (snapshot.KeyspaceRows.Count >= KeyspaceLimits.MaxKeyspaces)
            throw Failed(ErrorCode.InvalidRequest, $"the database has {KeyspaceLimits.MaxKeyspaces} keyspaces, which is the limit");
        if (snapshot.Rings.GetValueOrDefault(node.Region) is not { } ring)
            throw Failed(ErrorCode.Unavailable, $"region {node.Region} has no active node");
        var ranges = Place(ring, keyspace, snapshot.Catalog.NextRangeId);
        var catalog = snapshot.Catalog with { NextRangeId = snapshot.Catalog.NextRangeId + ranges.Length };
        var rows = ranges
            .Select(range => MetaChange.Put(MetaRows.RangeKey(range.Id), range))
            .Prepend(MetaChange.Put(MetaRows.KeyspaceKey(keyspace.Name), new KeyspaceRow(keyspace, IsCreating: true)));
        await meta.TryChangeAsync(snapshot, catalog, rows, cancellationToken);
    }

    private async Task<bool> TryFinishAsync(MetaSnapshot snapshot, KeyspaceMap map, CancellationToken cancellationToken)
    {
        var byNode = map.Ranges.SelectMany(range => range.Replicas, (range, replica) => (Node: replica, range.Id)).ToLookup(pair => pair.Node, pair => pair.Id);
        try
        {
            await Task.WhenAll(byNode.Select(ranges => grains.GetGrain<INodeGrain>(ranges.Key).CreateReplicasAsync([.. ranges]))).WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw new GrainDbException(Failure.Unknown(
                ErrorCode.OutcomeUnknown, $"keyspace '{map.Keyspace.Name}' is being created; a node did not answer: {exception.Message}"));
        }

        var shown = MetaChange.Put(MetaRows.KeyspaceKey(map.Keyspace.Name), new KeyspaceRow(map.Keyspace, IsCreating: false));
        return await meta.TryChangeAsync(snapshot, snapshot.Catalog, [shown], cancellationToken);
    }

    private static RangeDescriptor[] Place(HashRing ring, KeyspaceDescriptor keyspace, long firstId)
    {
        var starts = Starts(keyspace);
        var wishes = starts.Select((start, index) =>
        {
            var id = new RangeId(firstId + index);
            return new RingRange(id, RingRange.TokenOf(keyspace.Name, keyspace.Partitioning, start), []);
        }).ToArray();
        var placed = RangePlacement.Assign(ring, wishes, keyspace.ReplicationFactor);
        return
        [
            .. starts.Select((start, index) => new RangeDescriptor(
                wishes[index].Id,
                keyspace.Name,
                start,
                index + 1 < starts.Length ? starts[index + 1] : null,
                [.. placed[index].Replicas],
                Generation: 1)),
        ];
    }

    private static byte[][] Starts(KeyspaceDescriptor keyspace) => keyspace.Partitioning == KeyspacePartitioning.Hash
        ? [.. Enumerable.Range(0, keyspace.Partitions).Select(index => RoutingKey.PartitionStart(index, keyspace.Partitions))]
        : [[], .. keyspace.SplitKeys];

    private static KeyspaceMap Existing(MetaSnapshot snapshot, string name) =>
        snapshot.FindKeyspace(name) is not { IsCreating: false } map
            ? throw Failed(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{name}'")
            : map.Keyspace.IsSystem
                ? throw Failed(ErrorCode.Forbidden, $"keyspace '{name}' belongs to the system")
                : map;

    private static GrainDbException Failed(ErrorCode code, string detail) => new(Failure.NotApplied(code, detail));
}

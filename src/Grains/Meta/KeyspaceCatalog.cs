using GrainDb.Engine.Ranges;
using GrainDb.Engine.Ring;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Meta;

/// <summary>
/// Keyspaces as rows of the meta range. Creating one: (1) one conditional write adds the keyspace, marked as being created, with
/// its range descriptors and the ids of their replicas; (2) every node makes its empty replicas; (3) a second conditional write shows the keyspace. Deleting: (1) a
/// conditional write hides it; (2) its ranges are closed: they decide transactions for other ranges no more, and what they decided is carried out there, so that a range that is gone had nothing left to tell but aborts; a
/// second write says so; (3) every node ends its leaders and never lets these ranges lead again, so that nothing can be acknowledged
/// by a range that is about to go, whoever still routes to it; (4) a third write removes the rows, and the nodes then remove
/// replicas that no row names. A crash in between leaves the mark: the same request, or one of the live nodes, goes on. The stamp of a
/// request that may be repeated is stored with the first write.
/// </summary>
internal sealed class KeyspaceCatalog(NodeOptions node, MetaCache meta, LiveNodes live, RangeCalls calls, IGrainFactory grains) : IKeyspaceCatalog
{
    /// <summary>How long one range may take to close. One that has no quorum keeps its keyspace: it may have decided what others wait for.</summary>
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(8);

    /// <summary>Ranges that are closed at a time.</summary>
    private const int MaxClosing = 16;

    public async Task<IReadOnlyList<KeyspaceDescriptor>> ListAsync(CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        return
        [
            .. snapshot.KeyspaceRows
                .Where(row => row.State == KeyspaceState.Active)
                .Select(row => row.Keyspace)
                .OrderBy(keyspace => keyspace.Name, StringComparer.Ordinal),
        ];
    }

    public async Task<KeyspaceDescriptor?> GetAsync(string name, CancellationToken cancellationToken) =>
        (await meta.RefreshAsync(cancellationToken)).FindActive(name)?.Keyspace;

    /// <remarks>
    /// The nodes make replicas only for the data directories that are in the very view in which the keyspace is still being created. A node
    /// that lost its disk and registered before that view makes them anew, which is safe since nobody leads them before the keyspace is
    /// shown, and showing it is conditional on the view. One that lost its disk later refuses whoever comes late with an old view: by
    /// then its replica may have promised and acknowledged.
    /// </remarks>
    public async Task<KeyspaceChange> CreateAsync(KeyspaceDescriptor keyspace, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        if (KeyspaceRules.Check(keyspace) is { } invalid)
            throw new GrainDbException(invalid);
        return await EnsureAsync(keyspace, idempotency, cancellationToken);
    }

    /// <summary>Creates it, or finishes what was begun, whoever may ask for one of that name: for the database's own.</summary>
    public async Task<KeyspaceChange> EnsureAsync(KeyspaceDescriptor keyspace, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        var repeated = await FindRepeatedAsync(idempotency, cancellationToken);
        var begun = repeated is not null;
        try
        {
            while (true)
            {
                var snapshot = await meta.RefreshAsync(cancellationToken);
                var existing = snapshot.FindKeyspace(keyspace.Name);
                if (repeated is { } original && existing is not { State: KeyspaceState.Creating })
                    return new KeyspaceChange(KeyspaceAnswer.Decode(original, keyspace.SplitKeys), Created: true, IsRepeated: true);
                if (existing is null)
                {
                    var change = await TryBeginAsync(snapshot, keyspace, idempotency, cancellationToken);
                    repeated = change.Repeated;
                    begun |= change.IsDone || repeated is not null;
                    continue;
                }

                if (existing.IsGoing)
                    throw Failed(ErrorCode.Unavailable, $"keyspace '{keyspace.Name}' is being deleted");
                if (!KeyspaceRules.SameConfiguration(existing.Keyspace, keyspace))
                    throw Failed(ErrorCode.KeyspaceExists, $"keyspace '{keyspace.Name}' exists with another configuration");
                if (existing.State == KeyspaceState.Active)
                    return new KeyspaceChange(existing.Keyspace, begun, IsRepeated: false);
                await MakeReplicasAsync(snapshot, existing, cancellationToken);
                begun |= await TryShowAsync(snapshot, existing, cancellationToken);
            }
        }
        catch (Exception exception) when (begun && exception is not OperationCanceledException)
        {
            throw Unfinished($"keyspace '{keyspace.Name}' is being created: {exception.Message}");
        }
    }

    public async Task<KeyspaceChange> UpdateAsync(string name, KeyspacePatch patch, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        var repeated = await FindRepeatedAsync(idempotency, cancellationToken);
        while (true)
        {
            var snapshot = await meta.RefreshAsync(cancellationToken);
            if (repeated is { } original)
                return new KeyspaceChange(KeyspaceAnswer.Decode(original, snapshot.FindKeyspace(name)?.Keyspace.SplitKeys ?? []), Created: false, IsRepeated: true);
            var existing = Existing(snapshot, name);
            if (existing.State != KeyspaceState.Active)
                throw NotThere(name);
            var changed = existing.Keyspace with
            {
                Retention = patch.Retention ?? existing.Keyspace.Retention,
                DefaultIsolation = patch.DefaultIsolation ?? existing.Keyspace.DefaultIsolation,
            };
            if (KeyspaceRules.Check(changed) is { } invalid)
                throw new GrainDbException(invalid);
            changed = changed with { Generation = changed.Generation + 1 };
            var change = await meta.TryChangeAsync(snapshot, snapshot.Catalog, [RowOf(changed, KeyspaceState.Active)], KeyspaceAnswer.Put(idempotency, changed), cancellationToken);
            if (change.IsDone)
                return new KeyspaceChange(changed, Created: false, IsRepeated: false);
            repeated = change.Repeated;
        }
    }

    public async Task<KeyspaceChange> DeleteAsync(string name, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        var repeated = await FindRepeatedAsync(idempotency, cancellationToken);
        KeyspaceDescriptor? deleted = null;
        try
        {
            while (true)
            {
                var snapshot = await meta.RefreshAsync(cancellationToken);
                // It may have been created again since the first request, and must then stay.
                if (repeated is { } original && snapshot.FindKeyspace(name) is not { IsGoing: true })
                    return new KeyspaceChange(KeyspaceAnswer.Decode(original, []), Created: false, IsRepeated: true);
                if (deleted is not null && snapshot.FindKeyspace(name) is null)
                    return new KeyspaceChange(deleted, Created: false, IsRepeated: false);
                var existing = Existing(snapshot, name);
                if (!existing.IsGoing)
                {
                    var change = await meta.TryChangeAsync(
                        snapshot, snapshot.Catalog, [RowOf(existing.Keyspace, KeyspaceState.Deleting)], KeyspaceAnswer.Put(idempotency, existing.Keyspace), cancellationToken);
                    repeated = change.Repeated;
                    if (change.IsDone)
                        deleted = existing.Keyspace;
                    continue;
                }

                deleted = existing.Keyspace;
                if (existing.State == KeyspaceState.Deleting)
                {
                    await CloseRangesAsync(existing, cancellationToken);
                    await meta.TryChangeAsync(snapshot, snapshot.Catalog, [RowOf(existing.Keyspace, KeyspaceState.Closed)], cancellationToken);
                    continue;
                }

                await RetireReplicasAsync(existing, cancellationToken);
                var rows = existing.Ranges
                    .Select(range => MetaChange.Delete(MetaRows.RangeKey(range.Id)))
                    .Prepend(MetaChange.Delete(MetaRows.KeyspaceKey(name)));
                if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, rows, cancellationToken))
                    return new KeyspaceChange(deleted, Created: false, IsRepeated: repeated is not null);
            }
        }
        catch (Exception exception) when (deleted is not null && exception is not OperationCanceledException)
        {
            throw Unfinished($"keyspace '{name}' is being deleted: {exception.Message}");
        }
    }

    private async Task<ReadOnlyMemory<byte>?> FindRepeatedAsync(IdempotencyStamp? idempotency, CancellationToken cancellationToken) =>
        idempotency is null ? null : await meta.FindRepeatedAsync(idempotency, cancellationToken);

    private async Task<MetaChangeResult> TryBeginAsync(MetaSnapshot snapshot, KeyspaceDescriptor keyspace, IdempotencyStamp? idempotency, CancellationToken cancellationToken)
    {
        if (snapshot.KeyspaceRows.Count >= KeyspaceLimits.MaxKeyspaces)
            throw Failed(ErrorCode.InvalidRequest, $"the database has {KeyspaceLimits.MaxKeyspaces} keyspaces, which is the limit");
        if (snapshot.Rings.GetValueOrDefault(node.Region) is not { } ring)
            throw Failed(ErrorCode.Unavailable, $"region {node.Region} has no active node");
        var factor = KeyspaceRules.FactorFor(keyspace, ring.Nodes.Count);
        if (factor > ring.Nodes.Count)
            throw Failed(ErrorCode.InvalidRequest, $"replicationFactor {factor}: region {node.Region} has {ring.Nodes.Count} active nodes, and each replica needs one of its own");
        keyspace = keyspace with { ReplicationFactor = factor };
        var ranges = Place(ring, keyspace, snapshot.Catalog.NextRangeId);
        if (ranges.SelectMany(range => range.Nodes).FirstOrDefault(name => live.Find(name) is null) is { } down)
            throw Failed(ErrorCode.Unavailable, $"node {down}, which would hold ranges of the keyspace, is down");
        var catalog = snapshot.Catalog with { NextRangeId = snapshot.Catalog.NextRangeId + ranges.Length };
        var rows = ranges
            .Select(range => MetaChange.Put(MetaRows.RangeKey(range.Id), range))
            .Prepend(RowOf(keyspace, KeyspaceState.Creating));
        return await meta.TryChangeAsync(snapshot, catalog, rows, KeyspaceAnswer.Put(idempotency, keyspace), cancellationToken);
    }

    private async Task MakeReplicasAsync(MetaSnapshot snapshot, KeyspaceMap map, CancellationToken cancellationToken)
    {
        ConflictPolicy? policy = map.Keyspace.Family == KeyspaceFamily.Eventual ? map.Keyspace.Conflict : null;
        var planned = map.Ranges
            .SelectMany(range => range.Replicas, (range, replica) => (replica.Node, Replica: new PlannedReplica(range.Id, replica.Id, new RangeConfiguration(range.Replicas, [])) { Conflict = policy }))
            .ToLookup(pair => pair.Node, pair => pair.Replica);
        var refusals = await ReachAsync(() => Task.WhenAll(planned.Select(replicas =>
        {
            var incarnation = snapshot.FindNode(replicas.Key)?.Incarnation ?? throw Failed(ErrorCode.Unavailable, $"there is no node {replicas.Key} any more");
            return grains.GetGrain<INodeGrain>(replicas.Key).CreateReplicasAsync(new ReplicaCreation(incarnation, [.. replicas]));
        })).WaitAsync(cancellationToken));
        if (Array.Find(refusals, refusal => refusal is not null) is { } refused)
            throw new GrainDbException(refused);
    }

    private static async Task<T> ReachAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception exception) when (exception is PlacementUnavailableException or TimeoutException or OrleansException)
        {
            throw Failed(ErrorCode.Unavailable, exception.Message);
        }
    }

    private async Task CloseRangesAsync(KeyspaceMap map, CancellationToken cancellationToken)
    {
        if (map.Keyspace.Family != KeyspaceFamily.Strong)
            return;
        await Parallel.ForEachAsync(map.Ranges, new ParallelOptions { MaxDegreeOfParallelism = MaxClosing, CancellationToken = cancellationToken }, async (range, cancellation) =>
        {
            var failure = await calls.RunAsync(
                _ => calls.Leader(range.Id).CloseAsync(), failure => failure, failure => failure, isWrite: false, waitsForLeader: true, ClosePatience, cancellation);
            if (failure is not null)
                throw new GrainDbException(failure);
        });
    }

    /// <summary>A node that is down leads nothing; when it comes back it learns from the meta range before it leads again.</summary>
    private Task RetireReplicasAsync(KeyspaceMap map, CancellationToken cancellationToken) =>
        Task.WhenAll(ByNode(map)
            .Where(ranges => live.Find(ranges.Key) is not null)
            .Select(ranges => grains.GetGrain<INodeGrain>(ranges.Key).RetireReplicasAsync([.. ranges]))).WaitAsync(cancellationToken);

    private Task<bool> TryShowAsync(MetaSnapshot snapshot, KeyspaceMap map, CancellationToken cancellationToken) =>
        meta.TryChangeAsync(snapshot, snapshot.Catalog, [RowOf(map.Keyspace, KeyspaceState.Active)], cancellationToken);

    private static ILookup<string, RangeId> ByNode(KeyspaceMap map) => map.Ranges
        .SelectMany(range => range.Nodes, (range, name) => (Node: name, range.Id))
        .ToLookup(pair => pair.Node, pair => pair.Id);

    private static MetaChange RowOf(KeyspaceDescriptor keyspace, KeyspaceState state) =>
        MetaChange.Put(MetaRows.KeyspaceKey(keyspace.Name), new KeyspaceRow(keyspace, state));

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
                Generation: 1,
                [.. placed[index].Replicas.Select(name => new ReplicaDescriptor(name, Guid.NewGuid()))])),
        ];
    }

    private static byte[][] Starts(KeyspaceDescriptor keyspace) => keyspace.Partitioning == KeyspacePartitioning.Hash
        ? [.. Enumerable.Range(0, keyspace.Partitions).Select(index => RoutingKey.PartitionStart(index, keyspace.Partitions))]
        : [[], .. keyspace.SplitKeys];

    private static KeyspaceMap Existing(MetaSnapshot snapshot, string name)
    {
        var map = snapshot.FindKeyspace(name) ?? throw NotThere(name);
        return map.Keyspace.IsSystem ? throw Failed(ErrorCode.Forbidden, $"keyspace '{name}' belongs to the system") : map;
    }

    private static GrainDbException NotThere(string name) => Failed(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{name}'");

    private static GrainDbException Unfinished(string detail) => new(Failure.Unknown(ErrorCode.OutcomeUnknown, detail));

    private static GrainDbException Failed(ErrorCode code, string detail) => new(Failure.NotApplied(code, detail));
}

using GrainDb.Engine.Ring;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Grains.Nodes;

/// <summary>Ring, nodes and ranges as this node shows them: rows of the meta range joined with what live nodes report.</summary>
internal sealed class ClusterView(
    NodeOptions node,
    MetaCache meta,
    DatabaseMembership membership,
    LiveNodes live,
    IGrainFactory grains,
    ILocalSiloDetails silo,
    TimeProvider time) : IClusterView
{
    /// <summary>A node that does not report in this time is shown as unreachable.</summary>
    private static readonly TimeSpan ReportTimeout = TimeSpan.FromSeconds(2);

    public async Task<RingView> GetRingAsync(CancellationToken cancellationToken) =>
        RingPlanner.View(await meta.RefreshAsync(cancellationToken));

    public async Task<KeyLocationView> LocateAsync(string keyspace, ReadOnlyMemory<byte> key, int replicas, CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        if (snapshot.FindActive(keyspace) is not { } map)
            throw Failed(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'");
        var routingKey = map.RoutingKeyOf(key);
        var range = map.Find(routingKey.Span);

        // Where keys are hashes each has a place of its own on the ring, else it stands where its range does.
        var place = map.Keyspace.Partitioning == KeyspacePartitioning.Hash ? routingKey.ToArray() : range.Start;
        var token = RingRange.TokenOf(keyspace, map.Keyspace.Partitioning, place);
        var walk = snapshot.Rings.GetValueOrDefault(node.Region)?.GetNodes(token, replicas) ?? [];
        return new KeyLocationView(
            keyspace, token.ToString("x16"), range.Id.Value, [.. range.Nodes], walk, range.Nodes.FirstOrDefault(name => live.Find(name) is not null));
    }

    public async Task<RingDistributionView> GetDistributionAsync(int keys, int replicas, CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        var ring = snapshot.Rings.GetValueOrDefault(node.Region) ?? throw Failed(ErrorCode.Unavailable, $"region {node.Region} has no active node");
        return ring.Distribution(Enumerable.Range(0, keys).Select(index => HashRing.Token($"sample/{index}")), replicas);
    }

    public async Task<RingPlanView> PlanAsync(RingPlanRequest request, CancellationToken cancellationToken) =>
        RingPlanner.Plan(await meta.RefreshAsync(cancellationToken), await GetRangesAsync(null, false, cancellationToken), request);

    public async Task<IReadOnlyList<NodeView>> GetNodesAsync(CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        return
        [
            .. snapshot.Nodes.OrderBy(row => row.Name, StringComparer.Ordinal).Select(row =>
            {
                var address = live.Find(row.Name);
                return new NodeView(
                    row.Name,
                    row.Region,
                    row.Weight,
                    row.State,
                    address is not null,
                    row.Incarnation.ToString(),
                    row.Http,
                    address?.ToParsableString(),
                    snapshot.Ranges.Count(range => range.On(row.Name) is not null),
                    snapshot.Ranges.Count(range => FamilyOf(snapshot, range) == KeyspaceFamily.Strong && range.Nodes.FirstOrDefault(name => live.Find(name) is not null) == row.Name));
            }),
        ];
    }

    public async Task<IReadOnlyList<RangeStatus>> GetRangesAsync(string? keyspace, bool unhealthyOnly, CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        if (keyspace is not null && snapshot.FindActive(keyspace) is null)
            throw Failed(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'");
        var ranges = snapshot.Ranges.Where(range => keyspace is null || range.Keyspace == keyspace).OrderBy(range => range.Id.Value).ToList();
        var reports = await CollectReportsAsync(ranges.SelectMany(range => range.Nodes).Distinct(), cancellationToken);
        var statuses = ranges.Select(range => RangeStatusBuilder.Build(range, FamilyOf(snapshot, range), reports));
        return [.. unhealthyOnly ? statuses.Where(RangeStatusBuilder.IsUnhealthy) : statuses];
    }

    public async Task<RangeStatus> GetRangeAsync(RangeId range, CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        var descriptor = snapshot.FindRange(range) ?? throw Failed(ErrorCode.RangeNotFound, $"there is no range {range}");
        return RangeStatusBuilder.Build(descriptor, FamilyOf(snapshot, descriptor), await CollectReportsAsync(descriptor.Nodes, cancellationToken));
    }

    public async Task TransferLeaderAsync(RangeId range, string target, CancellationToken cancellationToken)
    {
        while (true)
        {
            var snapshot = await meta.RefreshAsync(cancellationToken);
            var descriptor = snapshot.FindRange(range) ?? throw Failed(ErrorCode.RangeNotFound, $"there is no range {range}");
            if (FamilyOf(snapshot, descriptor) == KeyspaceFamily.Eventual)
                throw Failed(ErrorCode.UnsupportedForFamily, $"range {range} belongs to an eventual keyspace: nobody leads it");
            if (descriptor.On(target) is not { } wanted)
                throw Failed(ErrorCode.InvalidRequest, $"node '{target}' has no replica of range {range}; {string.Join(", ", descriptor.Nodes)} have");
            if (live.Find(target) is null)
                throw Failed(ErrorCode.Unavailable, $"node {target} is down");

            // The order decides where the range is placed the next time, too. Routes stay right, so the generation stays.
            if (descriptor.Replicas[0] == wanted)
                break;
            var preferred = descriptor with { Replicas = [wanted, .. descriptor.Replicas.Where(replica => replica != wanted)] };
            if (await meta.TryChangeAsync(snapshot, snapshot.Catalog, [MetaChange.Put(MetaRows.RangeKey(range), preferred)], cancellationToken))
                break;
        }

        await ReachAsync(() => grains.GetGrain<IKeyRangeGrain>(range.Value).TransferLeaderAsync(target).WaitAsync(cancellationToken));
    }

    public async Task CheckpointAsync(RangeId range, CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        var descriptor = snapshot.FindRange(range) ?? throw Failed(ErrorCode.RangeNotFound, $"there is no range {range}");
        if (FamilyOf(snapshot, descriptor) == KeyspaceFamily.Eventual)
        {
            var there = descriptor.Nodes.Where(name => live.Find(name) is not null).Select(name => grains.GetGrain<IEventualReplicaGrain>(new ReplicaKey(range, name).ToString()));
            await ReachAsync(() => Task.WhenAll(there.Select(replica => replica.CheckpointAsync()).ToList()).WaitAsync(cancellationToken));
            return;
        }

        await ReachAsync(() => grains.GetGrain<IKeyRangeGrain>(range.Value).CheckpointAsync().WaitAsync(cancellationToken));
    }

    public async Task CollectGarbageAsync(CancellationToken cancellationToken)
    {
        var loaded = (await GetRangesAsync(null, unhealthyOnly: false, cancellationToken)).Where(range => range.Leader is not null);
        foreach (var range in loaded)
            await ReachAsync(() => grains.GetGrain<IKeyRangeGrain>(range.Descriptor.Id.Value).CollectGarbageAsync().WaitAsync(cancellationToken));
    }

    public Task<string?> GetReadinessAsync(CancellationToken cancellationToken) => Task.FromResult(
        live.IsActive(silo.SiloAddress) ? membership.NotReady : "the silo is not an active member of the cluster");

    public Task WaitUntilReadyAsync(CancellationToken cancellationToken) => membership.FirstReady.WaitAsync(cancellationToken);

    private async Task<Dictionary<string, NodeReport?>> CollectReportsAsync(IEnumerable<string> nodes, CancellationToken cancellationToken)
    {
        var pending = nodes.ToDictionary(name => name, name => ReportAsync(name, cancellationToken));
        await Task.WhenAll(pending.Values);
        return pending.ToDictionary(pair => pair.Key, pair => pair.Value.Result);
    }

    /// <summary>Silence is not health: null when the node did not answer in time.</summary>
    private async Task<NodeReport?> ReportAsync(string name, CancellationToken cancellationToken)
    {
        if (live.Find(name) is null)
            return null;
        try
        {
            return await grains.GetGrain<INodeGrain>(name).ReportAsync().WaitAsync(ReportTimeout, time, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task ReachAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (PlacementUnavailableException exception)
        {
            throw Failed(ErrorCode.Unavailable, exception.Message);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            throw new GrainDbException(Failure.Unknown(ErrorCode.OutcomeUnknown, $"the range did not answer in time: {exception.Message}"));
        }
    }

    private static KeyspaceFamily FamilyOf(MetaSnapshot snapshot, RangeDescriptor range) => snapshot.FindKeyspace(range.Keyspace)?.Keyspace.Family ?? KeyspaceFamily.Strong;

    private static GrainDbException Failed(ErrorCode code, string detail) => new(Failure.NotApplied(code, detail));
}

using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>A cluster of two nodes and three ranges, of which one is idle and one is broken.</summary>
internal sealed class FakeCluster : IClusterView
{
    private static readonly RingView Ring = new([new RingRegionView("local", 3, 150,
        [new RingNodeView("node1", 1, 150, 0.4, NodeState.Active), new RingNodeView("node2", 1.5, 225, 0.6, NodeState.Joining)])]);

    private static readonly RangeStatus[] Statuses =
    [
        Status(0, "system.meta", [], null, ReplicaState.Member),
        Status(17, "default", [], "m"u8.ToArray(), ReplicaState.Broken),
        Status(18, "default", "m"u8.ToArray(), [0xFF], ReplicaState.Idle),
    ];

    public RingPlanRequest? LastPlan { get; private set; }

    public (int Keys, int Replicas) LastDistribution { get; private set; }

    public byte[]? LastLocated { get; private set; }

    public int Collections { get; private set; }

    public Exception? NextException { get; set; }

    /// <summary>Every call waits for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public async Task<RingView> GetRingAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        return Ring;
    }

    public async Task<KeyLocationView> LocateAsync(string keyspace, ReadOnlyMemory<byte> key, int replicas, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        LastLocated = key.ToArray();
        return new KeyLocationView(keyspace, "00000000000000ff", 17, ["node1"], ["node1", "node2"], "node1");
    }

    public async Task<RingDistributionView> GetDistributionAsync(int keys, int replicas, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        LastDistribution = (keys, replicas);
        return new RingDistributionView(keys, replicas, [new NodeDistributionView("node1", 4, 10, 4.5, -0.11)]);
    }

    public async Task<RingPlanView> PlanAsync(RingPlanRequest request, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        LastPlan = request;
        return new RingPlanView("p1", 3, [new PlannedMove(17, "node1", "node4", 10, 1000)], new RingPlanFractions(0.25, 0.5, [new RingFlow("node1", "node4", 0.25)]), Ring, Ring);
    }

    public async Task<IReadOnlyList<NodeView>> GetNodesAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        return [new NodeView("node1", "local", 1, NodeState.Active, Live: true, "guid", "http://localhost:8081", "S127.0.0.1:11111:1", 3, 1)];
    }

    public async Task<IReadOnlyList<RangeStatus>> GetRangesAsync(string? keyspace, bool unhealthyOnly, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        return [.. Statuses
            .Where(status => keyspace is null || status.Descriptor.Keyspace == keyspace)
            .Where(status => !unhealthyOnly || status.Replicas.Any(replica => replica.State == ReplicaState.Broken))];
    }

    public async Task<RangeStatus> GetRangeAsync(RangeId range, CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        return Statuses.FirstOrDefault(status => status.Descriptor.Id == range)
            ?? throw new GrainDbException(Failure.NotApplied(ErrorCode.RangeNotFound, $"There is no range {range}."));
    }

    public async Task CheckpointAsync(RangeId range, CancellationToken cancellationToken)
    {
        var status = await GetRangeAsync(range, cancellationToken);
        if (status.Replicas[0].State == ReplicaState.Broken)
            throw new GrainDbException(Failure.Unknown(ErrorCode.Corruption, "segment-1 is damaged at offset 7."));
    }

    public async Task CollectGarbageAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(cancellationToken);
        Collections++;
    }

    public Task<string?> GetReadinessAsync(CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    private static RangeStatus Status(long id, string keyspace, byte[] start, byte[]? end, ReplicaState state) => new()
    {
        Descriptor = new RangeDescriptor(new RangeId(id), keyspace, start, end, 2, [new ReplicaDescriptor("node1", new Guid(1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]))]),
        Leader = state == ReplicaState.Member ? "node1" : null,
        Epoch = new Epoch(5),
        Replicas = [new ReplicaStatus("node1", ReplicaRole.Leader, state, new Lsn(42), 0, state == ReplicaState.Broken ? "segment-1 is damaged at offset 7." : null)],
        Keys = state == ReplicaState.Member ? 10 : -1,
        Bytes = state == ReplicaState.Member ? 1000 : -1,
        Rate = 1.5,
        GcThreshold = new Timestamp(255),
    };

    private async Task EnterAsync(CancellationToken cancellationToken)
    {
        await Gate.WaitAsync(cancellationToken);
        if (NextException is not { } exception)
            return;
        NextException = null;
        throw exception;
    }

    public Task WaitUntilReadyAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

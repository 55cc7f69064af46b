using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Ring;

namespace GrainDb.Api.Tests.Fakes;

/// <summary>A cluster of two nodes and four ranges, of which one is idle, one is broken, and one is replicated and changes its replicas.</summary>
internal sealed class FakeCluster : IClusterView
{
    private static readonly RingView Ring = new([new RingRegionView("local", 3, 150,
        [new RingNodeView("node1", 1, 150, 0.4, NodeState.Active), new RingNodeView("node2", 1.5, 225, 0.6, NodeState.Joining)])]);

    private static readonly RangeStatus[] Statuses =
    [
        Status(0, "system.meta", [], null, ReplicaState.Member),
        Status(17, "default", [], "m"u8.ToArray(), ReplicaState.Broken),
        Status(18, "default", "m"u8.ToArray(), [0xFF], ReplicaState.Idle),
        Replicated(),
    ];

    public RingPlanRequest? LastPlan { get; private set; }

    public (int Keys, int Replicas) LastDistribution { get; private set; }

    public byte[]? LastLocated { get; private set; }

    public int Collections { get; private set; }

    public (RangeId Range, string Node)? LastTransfer { get; private set; }

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

    public async Task TransferLeaderAsync(RangeId range, string node, CancellationToken cancellationToken)
    {
        var status = await GetRangeAsync(range, cancellationToken);
        if (status.Descriptor.On(node) is null)
            throw new GrainDbException(Failure.NotApplied(ErrorCode.InvalidRequest, $"Node '{node}' has no replica of range {range}."));
        if (node == "node3")
            throw new GrainDbException(Failure.NotApplied(ErrorCode.Unavailable, "Node node3 is down."));
        LastTransfer = (range, node);
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

    private static RangeStatus Replicated()
    {
        ReplicaDescriptor[] replicas = [.. Enumerable.Range(1, 4).Select(node => new ReplicaDescriptor($"node{node}", new Guid($"00000000-0000-0000-0000-00000000000{node}")))];
        return new RangeStatus
        {
            Descriptor = new RangeDescriptor(new RangeId(19), "wide", [], null, Generation: 1, replicas[..3]),
            Leader = "node2",
            Epoch = new Epoch(9),
            Configuration = new RangeConfiguration([replicas[0], replicas[1], replicas[3]], [replicas[0], replicas[1], replicas[2]]),
            Replicas =
            [
                new ReplicaStatus("node1", ReplicaRole.Follower, ReplicaState.Member, new Lsn(40), 2, null) { Id = replicas[0].Id, Applied = new Lsn(39) },
                new ReplicaStatus("node2", ReplicaRole.Leader, ReplicaState.Member, new Lsn(42), 0, null) { Id = replicas[1].Id, Applied = new Lsn(41) },
                new ReplicaStatus("node3", ReplicaRole.Follower, ReplicaState.Unreachable, default, 0, "the node does not answer"),
            ],
        };
    }

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

namespace GrainDb.Faults.Clusters;

/// <summary>A range as <c>GET /v1/ranges</c> shows it; what the tests look at.</summary>
internal sealed record RangeSight(long Id, string? Start, string? Leader, ulong Epoch, IReadOnlyList<ReplicaSight> Replicas)
{
    /// <summary>A leader, and as many replicas as there should be, all of them up to date.</summary>
    public bool IsWhole(int replicationFactor) =>
        Leader is not null && Replicas.Count == replicationFactor && Replicas.All(replica => replica is { State: "member", Lag: 0 });

    public override string ToString() =>
        $"range {Id} leader {Leader ?? "none"} epoch {Epoch}: {string.Join(", ", Replicas.Select(replica => $"{replica.Node} {replica.State} lsn {replica.Lsn} lag {replica.Lag} {replica.Detail}"))}";
}

/// <summary>One of its replicas.</summary>
internal sealed record ReplicaSight(string Node, string Role, string State, ulong Lsn, long Lag, string? Detail);

/// <summary>The answer.</summary>
internal sealed record RangeSightList(IReadOnlyList<RangeSight> Ranges);

/// <summary>A node as <c>GET /v1/nodes</c> shows it.</summary>
internal sealed record NodeSight(string Name, bool Live);

/// <summary>The answer.</summary>
internal sealed record NodeSightList(IReadOnlyList<NodeSight> Nodes);

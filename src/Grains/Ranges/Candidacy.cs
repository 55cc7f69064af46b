using GrainDb.Engine.Ranges;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Ranges;

/// <summary>How a node stands for the leadership of a range: with what it knows of the range and its keyspace, on the replica that it has.</summary>
internal sealed class Candidacy(NodeOptions node, ReplicaHost host, MetaCache meta)
{
    /// <param name="range">The range.</param>
    /// <param name="activation">The activation that the leadership is to end with; null for none.</param>
    public async Task<CandidacyResult> StandAsync(RangeId range, IGrainContext? activation)
    {
        try
        {
            var descriptor = meta.Find(range) ?? (await meta.RefreshAsync(CancellationToken.None)).FindRange(range);
            if (descriptor?.On(node.Name) is null)
                return new() { Failure = Failure.NotApplied(ErrorCode.RangeMoved, $"range {range} has no replica on node {node.Name}") };
            return await StandAsync(descriptor, activation);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return new() { Failure = Failure.NotApplied(ErrorCode.Unavailable, $"range {range} cannot be led now: {exception.Message}") };
        }
    }

    /// <summary>The keyspace of a range that may be led: also one that is being deleted, until its ranges are closed, which takes a leader.</summary>
    private static KeyspaceMap? FindLed(MetaSnapshot? snapshot, RangeDescriptor descriptor) =>
        snapshot?.FindKeyspace(descriptor.Keyspace) is { State: KeyspaceState.Active or KeyspaceState.Deleting } map ? map : null;

    private async Task<CandidacyResult> StandAsync(RangeDescriptor descriptor, IGrainContext? activation)
    {
        var partitioning = KeyspacePartitioning.Range;
        if (descriptor.Id != RangeId.Meta)
        {
            if ((FindLed(meta.Current, descriptor) ?? FindLed(await meta.RefreshAsync(CancellationToken.None), descriptor)) is not { } map)
                return new() { Failure = Failure.NotApplied(ErrorCode.RangeMoved, $"keyspace '{descriptor.Keyspace}' is not active") };
            if (map.Keyspace.Family == KeyspaceFamily.Eventual)
                return new() { Failure = Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"keyspace '{descriptor.Keyspace}' is eventual: nobody leads its ranges") };
            partitioning = map.Keyspace.Partitioning;
        }

        var (leader, failure, better) = await host.LeadAsync(descriptor, partitioning, activation);

        // What is damaged here is whole elsewhere: only the last copy's damage is the caller's business.
        if (failure?.Code == ErrorCode.Corruption && descriptor.Replicas.Length > 1)
            failure = Failure.NotApplied(ErrorCode.Unavailable, failure.Detail);
        return new() { Leader = leader, Failure = failure, Better = better, Descriptor = descriptor };
    }
}

/// <summary>How it ended: a leader, or why there is none.</summary>
internal sealed record CandidacyResult
{
    public RangeLeader? Leader { get; init; }

    public Failure? Failure { get; init; }

    /// <summary>The node that should lead instead; null when none is known.</summary>
    public string? Better { get; init; }

    /// <summary>The range, where it is one of this node's.</summary>
    public RangeDescriptor? Descriptor { get; init; }
}

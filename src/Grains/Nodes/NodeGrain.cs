using GrainDb.Grains.Eventual;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Grains.Ranges;
using GrainDb.Grains.Replicas;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace GrainDb.Grains.Nodes;

/// <summary>The node's voice in what concerns no single replica, pinned to it.</summary>
[RingPlacement]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[GrainType(GrainTypes.Node)]
[Reentrant]
[Immovable]
internal sealed class NodeGrain(
    NodeOptions node, NodeStorage storage, ReplicaHost host, LocalRanges local, AcceptorCalls calls, NodeHints hints, ConflictSearch conflicts) : Grain, INodeGrain
{
    public override Task OnActivateAsync(CancellationToken cancellationToken) =>
        this.GetPrimaryKeyString() == node.Name
            ? Task.CompletedTask
            : throw new PlacementUnavailableException($"this is node {node.Name}, not {this.GetPrimaryKeyString()}");

    public Task<Failure?> CreateReplicasAsync(ReplicaCreation creation) => Task.Run(() => storage.CreateReplicas(creation));

    public Task<Failure?> RemoveReplicaAsync(RangeId range, Guid replica, Epoch epoch) => Task.Run(() => host.RemoveReplicaAsync(range, replica, epoch));

    public Task<MetaReplicaOffer> OfferMetaReplicaAsync(Guid former) => Task.Run(() => storage.OfferMetaReplica(former));

    public Task<MetaKnowledge> GetMetaKnowledgeAsync() => Task.FromResult(Knowledge(storage.MetaPlace));

    public Task RetireReplicasAsync(RangeId[] ranges) => Task.WhenAll(ranges.Select(host.RetireAsync));

    public Task<TransactionMemories> FindTransactionAsync(TransactionId transaction)
    {
        var (commit, isAborted) = (Timestamp.Zero, false);
        var asked = new List<RangeId>();
        foreach (var leader in local.All)
        {
            if (!leader.TryFindOutcome(transaction, out var outcome))
                continue;
            asked.Add(leader.Range);
            commit = Timestamp.Later(commit, outcome.GetValueOrDefault());
            isAborted |= outcome is { IsZero: true };
        }

        return Task.FromResult(new TransactionMemories(commit, isAborted, [.. asked]));
    }

    public async Task<TransactionMemories> FenceTransactionAsync(TransactionId transaction)
    {
        var answers = await Task.WhenAll(local.All.Select(async leader => (leader.Range, Result: await leader.FenceAsync(transaction))));
        var asked = answers.Where(answer => answer.Result.Failure is null).ToList();
        var outcomes = asked.Where(answer => answer.Result.Outcome is not null).Select(answer => answer.Result.Outcome!.Value).ToList();
        return new TransactionMemories(outcomes.DefaultIfEmpty().Max(), outcomes.Exists(outcome => outcome.IsZero), [.. asked.Select(answer => answer.Range)])
        {
            IsPrepared = asked.Exists(answer => answer.Result.IsPrepared),
        };
    }

    public Task<AppendAnswer[]> HeartbeatAsync(RangeHeartbeat[] heartbeats) => Task.FromResult(calls.Heartbeat(heartbeats));

    public Task<HintAnswer> StoreHintAsync(Hint hint) => hints.StoreAsync(hint);

    public Task<CloseHintsAnswer> CloseHintsAsync(CloseHintsRequest request) => hints.CloseAsync(request);

    public Task<NodeConflicts> GetConflictsAsync(ConflictQuery query) => conflicts.FindHereAsync(query);

    public Task<NodeReport> ReportAsync() => Task.FromResult(host.Report());

    private MetaKnowledge Knowledge(MetaPlace place) => new(storage.Identity.DatabaseId, place.MetaRange) { AsOf = new Timestamp(place.AsOf) };
}

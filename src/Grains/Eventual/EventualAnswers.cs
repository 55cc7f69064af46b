using GrainDb.Engine.Eventual;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Eventual;

/// <summary>What others ask of this node's eventual replicas, whether it comes through a grain or from this very process.</summary>
internal sealed class EventualAnswers(EventualHost host)
{
    public async Task<MergeAnswer> MergeAsync(RangeId partition, MergeRequest request) =>
        await host.FindAsync(partition, request.Replica) is { } replica ? await replica.MergeAsync(request) : new(EventualOutcome.UnknownReplica, "");

    public async Task<StateAnswer> ReadAsync(RangeId partition, StateRequest request) =>
        await host.FindAsync(partition, request.Replica) is { } replica ? replica.Read(request) : new(EventualOutcome.UnknownReplica, default, 0, NeedsRepair: true);

    public async Task<ExchangeAnswer> OpenExchangeAsync(RangeId partition, ExchangeRequest request) =>
        await FindToCompareAsync(partition, request.Replica) is { } replica
            ? await replica.OpenExchangeAsync(request)
            : new(EventualOutcome.UnknownReplica, 0, 0, NeedsRepair: true);

    public async Task<TreeAnswer> GetTreeAsync(RangeId partition, TreeRequest request) =>
        await FindToCompareAsync(partition, request.Replica) is { } replica ? replica.GetTree(request) : new(EventualOutcome.UnknownReplica, []);

    public async Task<LeafAnswer> GetLeafAsync(RangeId partition, LeafRequest request) =>
        await FindToCompareAsync(partition, request.Replica) is { } replica ? replica.GetLeaf(request) : new(EventualOutcome.UnknownReplica, [], IsLast: true);

    public async Task<StatesAnswer> GetStatesAsync(RangeId partition, StatesRequest request) =>
        await FindToCompareAsync(partition, request.Replica) is { } replica ? replica.GetStates(request) : new(EventualOutcome.UnknownReplica, 0, []);

    public async Task<RoundAnswer> StepAsync(RangeId partition, RoundRequest request) =>
        await FindToCompareAsync(partition, request.Replica) is { } replica ? await replica.StepAsync(request) : new(EventualOutcome.UnknownReplica, 0, 0, IsComplete: false);

    public async Task<RequestAnswer> FindRequestAsync(RangeId partition, RequestQuery query) =>
        await host.FindAsync(partition, query.Replica) is { } replica ? replica.FindRequest(query) : new(EventualOutcome.UnknownReplica, null);

    public async Task<bool> MarkForRepairAsync(RangeId partition, Guid id) =>
        await FindToCompareAsync(partition, id) is { } replica && await replica.MarkForRepairAsync();

    public async Task<bool?> DismissAsync(RangeId partition, ReadOnlyMemory<byte> key, Dot winner) =>
        host.IdOf(partition) is { } id && await FindToCompareAsync(partition, id) is { } replica ? await replica.DismissAsync(key, winner) : null;

    /// <summary>Being compared keeps a replica in memory as little as it brings it there.</summary>
    private ValueTask<EventualReplica?> FindToCompareAsync(RangeId partition, Guid replica) =>
        host.FindOpen(partition) is { BrokenReason: null } open && open.Id == replica ? new(open) : host.FindAsync(partition, replica);
}

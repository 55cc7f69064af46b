using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One replica's comparison with all others of its partition. A replica that joins learns first since when states may be taken; one that needs a repair, and was compared completely with all
/// others since it was marked, counts for reads again.
/// <para>
/// All others, because a write at any level that others acknowledged together with a predecessor of this replica may have survived on any single one of them.
/// </para>
/// </summary>
public sealed class PartitionRepair
{
    private readonly EventualReplica _replica;
    private readonly IEventualTransport _transport;
    private readonly EventualOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Prepares repairs of one replica.</summary>
    public PartitionRepair(EventualReplica replica, IEventualTransport transport, EventualOptions options, TimeProvider time)
    {
        _replica = replica;
        _transport = transport;
        _options = options;
        _time = time;
    }

    /// <summary>When the replica last agreed with all others, by the clock of <see cref="TimeProvider"/>; null before the first time since it was opened.</summary>
    public DateTimeOffset? LastAgreement { get; private set; }

    /// <summary>Compares the replica with all others, one after the other.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ExchangeReport> RunAsync(PartitionConfiguration configuration, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (!_replica.Standing.IsJoined && await JoinAsync(configuration) is { } problem)
            return ExchangeReport.None with { IsComplete = false, Problem = problem };
        var began = _time.GetUtcNow();
        var marks = _replica.RepairMarks;
        var report = ExchangeReport.None;
        foreach (var partner in Others(configuration))
            report = report.Plus(await ExchangeAsync(partner, configuration, cancellationToken));
        if (!report.IsComplete)
            return report;
        if (_replica.Standing.NeedsRepair)
            await _replica.MarkRepairedAsync(marks);
        LastAgreement = began;
        return report;
    }

    /// <summary>Compares the replica with one other.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task<ExchangeReport> ExchangeAsync(ReplicaDescriptor partner, PartitionConfiguration configuration, CancellationToken cancellationToken) =>
        new Exchange(_replica, partner, _transport, _options, _time, configuration, cancellationToken).RunAsync();

    private IEnumerable<ReplicaDescriptor> Others(PartitionConfiguration configuration) => configuration.All.Where(replica => replica.Id != _replica.Id);

    /// <summary>
    /// Asks one that has joined for its epoch: every replica enters an epoch before any of them forgets anything under it, so no floor is above it. When all others are as new as this one there is
    /// nothing left that could come back.
    /// </summary>
    private async Task<string?> JoinAsync(PartitionConfiguration configuration)
    {
        var asNew = 0;
        foreach (var other in Others(configuration))
        {
            var answer = await _transport.OpenExchangeAsync(_replica.Partition, other, new(other.Id, configuration.Version, Epoch: 0));
            if (answer is { Outcome: EventualOutcome.Done })
                return await _replica.JoinAsync(answer.Epoch) ? null : "the replica cannot write";
            asNew += answer is { Outcome: EventualOutcome.Joining } ? 1 : 0;
        }

        return asNew < Others(configuration).Count() ? "no replica that has joined answered"
            : await _replica.JoinAsync(epoch: 0) ? null
            : "the replica cannot write";
    }
}

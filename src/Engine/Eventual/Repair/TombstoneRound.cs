using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// One round after which tombstones may go, led by a replica of the partition that was compared with all others just now. (1) Every replica notes what it has. (2) The leader is compared with each of them, and then with each of them again: now everybody has what anybody
/// had in (1). (3) Every replica enters a new epoch: whatever is read anywhere from now on, and is sent with that epoch, shows those tombstones. (4) Where hints count for writes, every node that may keep hints
/// closes those of older epochs and has none outstanding. (5) Every replica refuses states of older epochs from now on, and forgets the tombstones that it had noted in (1).
/// <para>
/// Anything that fails ends the round before (5), and nothing is forgotten. A replica that fails in (5) keeps its tombstones and gives them back to the others, which does no harm; a later round finds them again. What is
/// under way in messages, hints and repairs from before (3) carries an older epoch, so none of it can bring back what it did not know to be deleted. A configuration that changes meanwhile, and a replica
/// that restarts, end the round as well.
/// </para>
/// </summary>
public sealed class TombstoneRound
{
    private readonly EventualReplica _replica;
    private readonly IEventualTransport _transport;
    private readonly EventualOptions _options;
    private readonly PartitionRepair _repair;
    private readonly PartitionConfiguration _configuration;
    private readonly Guid _id;
    private readonly Dictionary<Guid, Lsn> _marks = [];

    /// <summary>Prepares a round.</summary>
    /// <param name="replica">The leader's replica.</param>
    /// <param name="transport">The way to the others.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="repair">Compares the leader's replica.</param>
    /// <param name="configuration">Who holds the partition.</param>
    /// <param name="id">A name that no round ever had.</param>
    public TombstoneRound(EventualReplica replica, IEventualTransport transport, EventualOptions options, PartitionRepair repair, PartitionConfiguration configuration, Guid id)
    {
        _replica = replica;
        _transport = transport;
        _options = options;
        _repair = repair;
        _configuration = configuration;
        _id = id;
    }

    /// <summary>Carries it out.</summary>
    /// <param name="notAfter">What was deleted or expired later stays: for its age, or because somebody else still has to learn of it.</param>
    /// <param name="hintKeepers">Nodes that may keep hints, where hints count for writes; empty where they do not.</param>
    /// <param name="cancellationToken">The caller gave up.</param>
    /// <returns>How many keys were forgotten on all replicas together; null when the round ended before that.</returns>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<int?> RunAsync(Timestamp notAfter, IReadOnlyList<string> hintKeepers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hintKeepers);
        var early = _options.Has(EventualFaults.CollectEarly);
        if (_configuration.IsJoint)
            return null;

        // Before anybody notes anything, so that all of them note the same: who learns of a deletion in the middle gives it back to those that forget it.
        if (!early && !await CompareAllAsync(cancellationToken))
            return null;
        var begun = await StepAllAsync(RoundStep.Begin, epoch: 0, notAfter);
        if (begun.Contains(null) && !early)
            return null;
        foreach (var (member, answer) in _configuration.Members.Zip(begun))
            _marks[member.Id] = answer?.Mark ?? Lsn.Zero;
        var epoch = begun.Max(answer => answer?.Epoch ?? 0) + 1;
        if (!early && !await CompareAllAsync(cancellationToken))
            return null;
        if ((await StepAllAsync(RoundStep.Enter, epoch, notAfter)).Contains(null) && !early)
            return null;
        foreach (var node in hintKeepers)
        {
            if (await _transport.CloseHintsAsync(node, new(_replica.Partition, epoch)) is not { IsClosed: true, Outstanding: 0 } && !early)
                return null;
        }

        return await CollectAsync(epoch, notAfter, cancellationToken);
    }

    private async Task<bool> CompareAllAsync(CancellationToken cancellationToken)
    {
        for (var pass = 0; pass < 2; pass++)
        {
            foreach (var member in _configuration.Members.Where(member => member.Id != _replica.Id))
            {
                if (!(await _repair.ExchangeAsync(member, _configuration, cancellationToken)).IsComplete)
                    return false;
            }
        }

        return true;
    }

    private async Task<int> CollectAsync(long epoch, Timestamp notAfter, CancellationToken cancellationToken)
    {
        var forgotten = 0;
        List<ReplicaDescriptor> left = [.. _configuration.Members];
        while (left.Count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var member in left.ToList())
            {
                var answer = await StepAsync(member, RoundStep.Collect, epoch, notAfter);
                forgotten += answer?.Forgotten ?? 0;
                if (answer is null or { IsComplete: true })
                    left.Remove(member);
            }
        }

        return forgotten;
    }

    private Task<RoundAnswer?[]> StepAllAsync(RoundStep step, long epoch, Timestamp notAfter) =>
        Task.WhenAll(_configuration.Members.Select(member => StepAsync(member, step, epoch, notAfter)).ToList());

    private async Task<RoundAnswer?> StepAsync(ReplicaDescriptor member, RoundStep step, long epoch, Timestamp notAfter)
    {
        var request = new RoundRequest(member.Id, _configuration.Version, _id, step, epoch, notAfter) { Mark = _marks.GetValueOrDefault(member.Id) };
        var answer = member.Id == _replica.Id ? await _replica.StepAsync(request) : await _transport.StepAsync(_replica.Partition, member, request);
        return answer is { Outcome: EventualOutcome.Done } ? answer : null;
    }
}

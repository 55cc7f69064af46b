using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Engine.Eventual;

/// <summary>What a handoff came to.</summary>
/// <param name="Delivered">Hints that were taken.</param>
/// <param name="Voided">Hints that were refused because everything older than their epoch has been compared since; they are let go.</param>
/// <param name="IsComplete">Whether no hint is left for the target.</param>
public readonly record struct HandoffReport(int Delivered, int Voided, bool IsComplete);

/// <summary>
/// Gives the hints that a node keeps to the replicas that they are for, oldest first, at a bounded rate. A hint is let go when it was taken. Where the replica it was for does not exist any more, the
/// one that took its place gets it; the first member, when none did.
/// </summary>
/// <param name="store">The hints.</param>
/// <param name="transport">The way to the replicas.</param>
/// <param name="configurations">Who holds a partition now; null when it does not exist any more.</param>
/// <param name="options">Bounds.</param>
/// <param name="time">For the rate.</param>
public sealed class Handoff(HintStore store, IEventualTransport transport, Func<RangeId, PartitionConfiguration?> configurations, EventualOptions options, TimeProvider time)
{
    /// <summary>Gives a replica its hints.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<HandoffReport> RunAsync(ReplicaDescriptor target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        var throttle = new Throttle(options.BytesPerSecond, time);
        var (delivered, voided) = (0, 0);
        while (store.Peek(target.Id, options.MaxBatchBytes) is { Count: > 0 } hints)
        {
            cancellationToken.ThrowIfCancellationRequested();

            // A message has one partition and one epoch.
            var first = hints[0].Hint;
            List<StoredHint> together = [.. hints.TakeWhile(hint => hint.Hint.Partition == first.Partition && hint.Hint.Epoch == first.Epoch)];
            var outcome = await DeliverAsync(first, together);
            if (outcome is not (EventualOutcome.Done or EventualOutcome.OldEpoch) || !await store.ReleaseAsync([.. together.Select(hint => hint.Lsn)]))
                return new(delivered, voided, IsComplete: false);
            delivered += outcome == EventualOutcome.Done ? together.Count : 0;
            voided += outcome == EventualOutcome.OldEpoch ? together.Count : 0;
            await throttle.PassAsync(together.Sum(hint => hint.Bytes), cancellationToken);
        }

        return new(delivered, voided, IsComplete: true);
    }

    /// <summary>Tells replicas that lack hints so.</summary>
    public async Task TellLostAsync()
    {
        foreach (var lost in store.Lost)
        {
            var gone = configurations(lost.Partition) is not { } configuration || !configuration.Contains(lost.Target.Id);
            if (gone || await transport.MarkForRepairAsync(lost.Partition, lost.Target) == true)
                await store.ToldAsync(lost);
        }
    }

    /// <summary>
    /// The target first. One that joined lately may refuse what all others still take, since it does not know how far back it could go; then one of those gets it, and comparing brings it to the target.
    /// Only what everybody refuses is void.
    /// </summary>
    private async Task<EventualOutcome?> DeliverAsync(Hint first, List<StoredHint> together)
    {
        if (configurations(first.Partition) is not { } configuration)
            return EventualOutcome.Done; // the partition is deleted, and with it what was hinted
        var target = configuration.All.FirstOrDefault(replica => replica.Id == first.Target.Id)
            ?? configuration.All.FirstOrDefault(replica => replica.Node == first.Target.Node)
            ?? configuration.Members[0];
        KeyState[] states = [.. together.Select(hint => new KeyState(hint.Hint.Key, hint.Hint.State))];
        EventualOutcome? outcome = null;
        foreach (var to in configuration.All.OrderBy(replica => replica == target ? 0 : 1))
        {
            var answer = transport.IsReachable(to.Node) ? await transport.MergeAsync(first.Partition, to, new(to.Id, configuration.Version, first.Epoch, states)) : null;
            outcome = answer?.Outcome;
            if (outcome != EventualOutcome.OldEpoch)
                return outcome;
        }

        return outcome;
    }
}

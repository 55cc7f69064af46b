using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using Microsoft.Extensions.Logging;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// Puts new replicas in the place of those that this node lost, with its disk or by damage: (1) one of a new incarnation is listed in the node's manifest; (2) the partition's row names it, under the next
/// version of the configuration. It joins, is compared with all others, and counts for reads then. After a crash between (1) and (2) the next attempt takes the one that is listed. Only the node itself does this, so a row and
/// a manifest that differ always mean that it is not finished.
/// </summary>
internal sealed class EventualReplacement(
    NodeOptions node, NodeStorage storage, EventualHost host, EventualPartitions partitions, MetaCache meta, TimeProvider time, ILogger<EventualReplacement> logger)
{
    /// <summary>Replicas replaced by one change of the meta range.</summary>
    private const int MaxAtOnce = 64;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private long? _looked;

    public async Task ReplaceLostAsync(CancellationToken cancellationToken)
    {
        if (_looked is { } last && time.GetElapsedTime(last) < Interval)
            return;
        _looked = time.GetTimestamp();
        if (!partitions.Own.Any(IsLost))
            return;
        try
        {
            await ReplaceAllAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is GrainDbException or IOException or InvalidOperationException)
        {
            EventualHostLog.NotReplaced(logger, exception.Message);
        }
    }

    private async Task ReplaceAllAsync(CancellationToken cancellationToken)
    {
        var snapshot = await meta.RefreshAsync(cancellationToken);
        var rows = new List<MetaChange>();
        foreach (var partition in partitions.Own.Where(IsLost).Take(MaxAtOnce))
        {
            if (await ReplaceAsync(partition) is { } changed)
                rows.Add(MetaChange.Put(MetaRows.RangeKey(changed.Id), changed));
        }

        if (rows.Count > 0 && ReferenceEquals(snapshot, meta.Current))
            await meta.TryChangeAsync(snapshot, snapshot.Catalog, rows, cancellationToken);
    }

    private bool IsLost(EventualPartition partition)
    {
        var wanted = partition.Range.On(node.Name)!.Id;
        return storage.FindReplica(partition.Range.Id)?.Id != wanted || host.IsBroken(partition.Range.Id);
    }

    private async Task<RangeDescriptor?> ReplaceAsync(EventualPartition partition)
    {
        var (range, old) = (partition.Range, partition.Range.On(node.Name)!);
        if (storage.FindReplica(range.Id) is { } listed && (listed.Id == old.Id || host.IsBroken(range.Id)))
            await host.RemoveReplicaAsync(range.Id, listed.Id);
        var fresh = new ReplicaDescriptor(node.Name, storage.FindReplica(range.Id)?.Id ?? Guid.NewGuid());
        var planned = new PlannedReplica(range.Id, fresh.Id, RangeConfiguration.Unknown) { Conflict = partition.Keyspace.Conflict };
        if (storage.CreateReplicas(new ReplicaCreation(storage.Identity.Incarnation, [planned])) is { } refused)
            throw new InvalidOperationException(refused.Detail);
        EventualHostLog.Replacing(logger, range.Id, old.Id, fresh.Id);
        return range with { Generation = range.Generation + 1, Replicas = [.. range.Replicas.Select(replica => replica == old ? fresh : replica)] };
    }
}

using GrainDb.Engine.Eventual;
using GrainDb.Engine.Time;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Eventual;

/// <summary>Requests that this node's replicas coordinate, by the newest configuration that this node or the sender knows.</summary>
internal sealed class EventualCoordinator(
    NodeOptions node,
    EventualHost host,
    EventualPartitions partitions,
    EventualTransport transport,
    MetaCache meta,
    EventualOptions options,
    HybridLogicalClock clock,
    TimeProvider time)
{
    /// <summary>How long a newer view of the meta range is waited for.</summary>
    private static readonly TimeSpan RefreshPatience = TimeSpan.FromMilliseconds(500);

    public async Task<EventualWriteResult> WriteAsync(RangeId partition, CoordinateWrite request)
    {
        var (replica, found, failure) = await FindAsync(partition, request.Configuration, request.Patience);
        if (failure is not null)
            return EventualWriteResult.Failed(failure) with { Coordinator = node.Name, Partition = partition, Region = node.Region };
        var coordination = new WriteCoordination(replica!, node.Name, transport, options, time, found!.Configuration, request.Level, found.Keyspace.Sloppy);
        return await coordination.RunAsync(request.Write, request.Idempotency, request.Patience) with { Region = node.Region };
    }

    public async Task<EventualReadResult> ReadAsync(RangeId partition, CoordinateRead request)
    {
        var (replica, found, failure) = await FindAsync(partition, request.Configuration, request.Patience);
        if (failure is not null)
            return EventualReadResult.Failed(failure) with { Coordinator = node.Name, Partition = partition, Region = node.Region };
        var coordination = new ReadCoordination(replica!, node.Name, transport, options, clock, time, found!.Configuration, request.Level);
        return await coordination.RunAsync(request.Key, request.Patience) with { Region = node.Region };
    }

    private async Task<(EventualReplica? Replica, EventualPartition? Partition, Failure? Failure)> FindAsync(RangeId partition, long configuration, TimeSpan patience)
    {
        var found = partitions.Find(partition);
        if (found is null || found.Configuration.Version < configuration)
        {
            await ((Task)meta.RefreshAsync(CancellationToken.None)).WaitAsync(patience < RefreshPatience ? patience : RefreshPatience, time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            found = partitions.Find(partition);
        }

        if (found is null || found.Configuration.Version < configuration)
            return (null, null, Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} does not know the newest configuration of partition {partition}"));
        if (found.Range.On(node.Name) is not { } own)
            return (null, null, Failure.NotApplied(ErrorCode.RangeMoved, $"partition {partition} has no replica on node {node.Name}"));
        return await host.FindAsync(partition, own.Id) is { } replica
            ? (replica, found, null)
            : (null, null, Failure.NotApplied(ErrorCode.Unavailable, $"the replica of partition {partition} on node {node.Name} cannot be used now"));
    }
}

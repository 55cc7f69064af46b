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
        var started = time.GetTimestamp();
        var (replica, found, failure) = await FindAsync(partition, request.Configuration, request.Patience);
        if (failure is not null)
            return EventualWriteResult.Failed(failure) with { Coordinator = node.Name, Partition = partition, Region = node.Region };
        var coordination = NewWrite(found!);
        var result = await coordination.RunAsync(request.Write, request.Idempotency, request.Patience);
        while (result.Failure is { Outcome: Outcome.Unknown } && coordination is { IsOutdated: true, Local: { } local } && await FindNewerAsync(found!, Left(started, request.Patience)) is { } newer)
        {
            found = newer;
            coordination = NewWrite(newer);
            result = await coordination.SpreadAsync(request.Write, local, Left(started, request.Patience));
        }

        return result with { Region = node.Region };

        WriteCoordination NewWrite(EventualPartition by) => new(replica!, node.Name, transport, options, time, by.Configuration, request.Level, by.Keyspace.Sloppy);
    }

    public async Task<EventualReadResult> ReadAsync(RangeId partition, CoordinateRead request)
    {
        var started = time.GetTimestamp();
        var (replica, found, failure) = await FindAsync(partition, request.Configuration, request.Patience);
        if (failure is not null)
            return EventualReadResult.Failed(failure) with { Coordinator = node.Name, Partition = partition, Region = node.Region };
        while (true)
        {
            var coordination = new ReadCoordination(replica!, node.Name, transport, options, clock, time, found!.Configuration, request.Level);
            var result = await coordination.RunAsync(request.Key, Left(started, request.Patience));
            if (result.Failure is not { Code: ErrorCode.Unavailable } || await FindNewerAsync(found, Left(started, request.Patience)) is not { } newer)
                return result with { Region = node.Region };
            found = newer;
        }
    }

    /// <summary>The partition by a newer configuration than that which was not enough, as long as there is time; null when there is none, or this node's replica is not the one any more.</summary>
    private async Task<EventualPartition?> FindNewerAsync(EventualPartition than, TimeSpan left)
    {
        await RefreshAsync(left);
        return left > TimeSpan.Zero && partitions.Find(than.Range.Id) is { } newer && newer.Configuration.Version > than.Configuration.Version && newer.Range.On(node.Name) == than.Range.On(node.Name)
            ? newer
            : null;
    }

    private TimeSpan Left(long started, TimeSpan patience)
    {
        var left = patience - time.GetElapsedTime(started);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private async Task RefreshAsync(TimeSpan left)
    {
        if (left > TimeSpan.Zero)
        {
            await ((Task)meta.RefreshAsync(CancellationToken.None)).WaitAsync(left < RefreshPatience ? left : RefreshPatience, time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task<(EventualReplica? Replica, EventualPartition? Partition, Failure? Failure)> FindAsync(RangeId partition, long configuration, TimeSpan patience)
    {
        var found = partitions.Find(partition);
        if (found is null || found.Configuration.Version < configuration)
        {
            await RefreshAsync(patience);
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

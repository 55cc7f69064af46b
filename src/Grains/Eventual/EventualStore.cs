using GrainDb.Engine.Eventual;
using GrainDb.Engine.Time;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Eventual;

/// <summary>
/// Data operations of eventual keyspaces as this node offers them: keyspace and key give the partition; a replica of it, this node's own first, coordinates. A write is given to a second replica only
/// after the first said that nothing happened (<see cref="WriteForwarding"/>), a read to whoever answers.
/// </summary>
internal sealed class EventualStore(
    NodeOptions node,
    EventualPartitions partitions,
    EventualCoordinator coordinator,
    EventualTransport transport,
    ConflictSearch conflicts,
    MetaCache meta,
    LiveNodes live,
    EventualOptions options,
    HybridLogicalClock clock,
    TimeProvider time) : IEventualStore
{
    /// <summary>Time for the answer of a coordinator to come back.</summary>
    private static readonly TimeSpan AnswerMargin = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan RefreshPatience = TimeSpan.FromMilliseconds(500);

    public async ValueTask<EventualWriteResult> WriteAsync(
        string keyspace,
        EventualWrite write,
        EventualLevel level,
        IdempotencyStamp? idempotency,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        if (KeyFailure(write.Key) is { } invalid)
            return EventualWriteResult.Failed(invalid);
        var result = await RunAsync(
            keyspace,
            write.Key,
            level,
            (partition, left) => WriteAsync(partition, write, level, idempotency, left, cancellationToken),
            answered => answered.Failure,
            EventualWriteResult.Failed,
            timeout,
            cancellationToken);
        clock.TryReceive(result.Version); // one from a clock too far ahead is not followed; it is the clock guard's business
        return result;
    }

    public ValueTask<EventualReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, EventualLevel level, TimeSpan timeout, CancellationToken cancellationToken) =>
        KeyFailure(key) is { } invalid
            ? new(EventualReadResult.Failed(invalid))
            : new(RunAsync(
                keyspace,
                key,
                level,
                (partition, left) => ReadAsync(partition, key, level, left, cancellationToken),
                answered => answered.Failure,
                EventualReadResult.Failed,
                timeout,
                cancellationToken));

    public async Task<ConflictPage> ListConflictsAsync(string keyspace, ConflictPosition? after, int limit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        return await FindKeyspaceAsync(keyspace, timeout, cancellationToken) is (var map, var failure) && failure is not null
            ? ConflictPage.Failed(failure)
            : await conflicts.RunAsync(map!, after, limit, timeout - time.GetElapsedTime(started), cancellationToken);
    }

    public async Task<ConflictDismissal> DismissConflictAsync(string keyspace, ReadOnlyMemory<byte> key, Dot winner, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (KeyFailure(key) is { } invalid)
            return ConflictDismissal.Failed(invalid);
        return await RunAsync(
            keyspace,
            key,
            EventualLevel.One,
            (partition, left) => conflicts.DismissAsync(partition, key, winner, left, cancellationToken),
            answered => answered.Failure,
            ConflictDismissal.Failed,
            timeout,
            cancellationToken);
    }

    public async Task<Failure?> RepairAsync(RangeId partition, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (partitions.Find(partition) is null)
            await RefreshQuietlyAsync(timeout, cancellationToken);
        if (partitions.Find(partition) is not { } found)
        {
            return meta.Current?.FindRange(partition) is null
                ? Failure.NotApplied(ErrorCode.RangeNotFound, $"there is no range {partition}")
                : Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"range {partition} belongs to a strong keyspace: its replicas follow one log");
        }

        var asked = await Task.WhenAll(found.Configuration.All.Where(replica => live.Find(replica.Node) is not null).Select(replica => AskToCompareAsync(partition, replica, timeout, cancellationToken)).ToList());
        return asked.Contains(true) ? null : Failure.NotApplied(ErrorCode.Unavailable, $"no replica of range {partition} answered");
    }

    private async Task<bool> AskToCompareAsync(RangeId partition, ReplicaDescriptor replica, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await transport.On(partition, replica.Node).CompareAsync().WaitAsync(timeout, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
        {
            return false;
        }
    }

    private async Task<EventualWriteResult> WriteAsync(
        EventualPartition partition, EventualWrite write, EventualLevel level, IdempotencyStamp? idempotency, TimeSpan left, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var configuration = partition.Configuration;
        if (idempotency is not null)
            configuration = configuration with { Members = [IdempotencyCoordinator.Of(configuration, write.Key.Span)], Incoming = [] };
        return await new WriteForwarding(transport.IsReachable, PutAsync, options).RunAsync(configuration, node.Name);

        async Task<EventualWriteResult?> PutAsync(ReplicaDescriptor replica)
        {
            var rest = left - time.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero)
                return EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no time is left; nothing was written"));
            var request = new CoordinateWrite(partition.Configuration.Version, write, level, idempotency, WithMargin(rest));
            try
            {
                var running = replica.Node == node.Name ? coordinator.WriteAsync(partition.Range.Id, request) : transport.On(partition.Range.Id, replica.Node).CoordinateAsync(request);
                return await running.WaitAsync(rest, time, cancellationToken);
            }
            catch (PlacementUnavailableException exception)
            {
                return EventualWriteResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, exception.Message));
            }
            catch (Exception exception) when (exception is TimeoutException or OrleansException)
            {
                return null;
            }
        }
    }

    private async Task<EventualReadResult> ReadAsync(EventualPartition partition, ReadOnlyMemory<byte> key, EventualLevel level, TimeSpan left, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        var last = EventualReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "no replica of the partition is alive"));
        List<ReplicaDescriptor> candidates =
        [
            .. partition.Configuration.All.Where(replica => replica.Node == node.Name || transport.IsReachable(replica.Node)).OrderBy(replica => replica.Node == node.Name ? 0 : 1),
        ];
        foreach (var replica in candidates)
        {
            // One that is silent must leave time for another; the own node is not.
            var rest = left - time.GetElapsedTime(started);
            if (rest <= TimeSpan.Zero)
                return last;
            var patience = replica.Node == node.Name || replica == candidates[^1] ? rest : rest / 2;
            var request = new CoordinateRead(partition.Configuration.Version, key, level, WithMargin(patience));
            try
            {
                var running = replica.Node == node.Name ? coordinator.ReadAsync(partition.Range.Id, request) : transport.On(partition.Range.Id, replica.Node).CoordinateAsync(request);
                last = await running.WaitAsync(patience, time, cancellationToken);
            }
            catch (Exception exception) when (exception is TimeoutException or OrleansException or PlacementUnavailableException)
            {
                last = EventualReadResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, $"node {replica.Node} was asked to read and did not answer in time"));
            }

            if (last.Failure is not { Code: ErrorCode.Unavailable })
                return last;
        }

        return last;
    }

    /// <summary>Finds the partition and tries; again only where the configuration was too old, and so certainly nothing happened.</summary>
    private async Task<T> RunAsync<T>(
        string keyspace,
        ReadOnlyMemory<byte> key,
        EventualLevel level,
        Func<EventualPartition, TimeSpan, Task<T>> attempt,
        Func<T, Failure?> failureOf,
        Func<Failure, T> failed,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var (map, missing) = await FindKeyspaceAsync(keyspace, timeout - time.GetElapsedTime(started), cancellationToken);
            if (missing is not null)
                return failed(missing);
            if (partitions.Find(map!.Find(map.RoutingKeyOf(key).Span).Id) is { } partition)
            {
                if (LevelFailure(level, partition.Configuration) is { } invalid)
                    return failed(invalid);
                var result = await attempt(partition, timeout - time.GetElapsedTime(started));
                if (failureOf(result) is not { Code: ErrorCode.RangeMoved, Outcome: Outcome.NotApplied } moved)
                    return result;
                if (timeout - time.GetElapsedTime(started) <= Pause)
                    return failed(Failure.NotApplied(ErrorCode.Unavailable, moved.Detail) with { RetryAfter = TimeSpan.FromSeconds(1) });
            }

            await Task.Delay(Pause, time, cancellationToken);
            await RefreshQuietlyAsync(timeout - time.GetElapsedTime(started), cancellationToken);
        }
    }

    private async ValueTask<(KeyspaceMap? Map, Failure? Failure)> FindKeyspaceAsync(string keyspace, TimeSpan left, CancellationToken cancellationToken)
    {
        if (left <= TimeSpan.Zero)
            return (null, Failure.NotApplied(ErrorCode.Unavailable, "no time is left"));
        var map = meta.Current?.FindActive(keyspace);
        var isNew = true;
        if (map is null)
        {
            // The view may be older than the keyspace: look once.
            isNew = await RefreshQuietlyAsync(left, cancellationToken);
            map = meta.Current?.FindActive(keyspace);
        }

        return map switch
        {
            null when !isNew => (null, Failure.NotApplied(ErrorCode.Unavailable, $"node {node.Name} does not know keyspace '{keyspace}' and cannot reach the meta range, where keyspaces are")),
            null => (null, Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'")),
            { Keyspace.Family: KeyspaceFamily.Strong } => (null, Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"keyspace '{keyspace}' is strong")),
            _ => (map, null),
        };
    }

    /// <returns>Whether the view is new now.</returns>
    private async Task<bool> RefreshQuietlyAsync(TimeSpan left, CancellationToken cancellationToken)
    {
        if (left <= TimeSpan.Zero)
            return false;
        var refresh = meta.RefreshAsync(cancellationToken);
        await ((Task)refresh).WaitAsync(left < RefreshPatience ? left : RefreshPatience, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return refresh.IsCompletedSuccessfully;
    }

    private static Failure? LevelFailure(EventualLevel level, PartitionConfiguration configuration) =>
        level.Kind == EventualLevelKind.Count && (level.Count < 1 || level.Count > configuration.Members.Length)
            ? Failure.NotApplied(ErrorCode.InvalidRequest, $"{level.Count} replicas: the keyspace has {configuration.Members.Length} of each key")
            : null;

    private static Failure? KeyFailure(ReadOnlyMemory<byte> key) => key.Length switch
    {
        0 => Failure.NotApplied(ErrorCode.InvalidKey, "the key is empty"),
        > KeyLimits.MaxKeyBytes => Failure.NotApplied(ErrorCode.KeyTooLarge, $"the key has {key.Length} bytes, the limit is {KeyLimits.MaxKeyBytes}"),
        _ => null,
    };

    private static TimeSpan WithMargin(TimeSpan timeout) => timeout - (timeout / 4 < AnswerMargin ? timeout / 4 : AnswerMargin);
}

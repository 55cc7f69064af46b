using GrainDb.Engine.Ranges;
using GrainDb.Engine.Time;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Meta;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// The data operations as this node offers them: keyspace and key give the range, the range gives its leader. A leader on this
/// node is asked directly first; everything else, and every second attempt, goes through <see cref="RangeCalls"/>.
/// </summary>
internal sealed class KeyValueStore(
    NodeOptions node, MetaCache meta, LocalRanges local, RangeCalls calls, ReadRouting routing, HybridLogicalClock clock, TimeProvider time) : IKeyValueStore
{
    /// <summary>Time for the answer of a write at all replicas to come back.</summary>
    private static readonly TimeSpan AnswerMargin = TimeSpan.FromMilliseconds(100);

    public async ValueTask<WriteResult> WriteAsync(string keyspace, KeyWrite write, WriteOptions options, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (KeyFailure(write.Key) is { } invalid)
            return WriteResult.Failed(invalid);
        var started = time.GetTimestamp();
        if (TryRoute(keyspace, write.Key, out var range, out var routingKey, out var leader) && !IsSystem(keyspace))
        {
            var request = RequestOf(range, routingKey);
            WriteResult result;
            try
            {
                result = await WithinAsync(leader.WriteAsync(request), timeout, cancellationToken);
            }
            catch (TimeoutException)
            {
                return WriteResult.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, "not durable in time; the write may still happen"));
            }

            if (result.Failure is not { Retryable: true, Code: not ErrorCode.Overloaded })
                return result;
        }

        return Seen(await calls.RunAsync(
            snapshot => Route(snapshot, keyspace, write.Key, out var found, out var key) is { } failure
                ? new(WriteResult.Failed(failure))
                : IsSystem(keyspace)
                    ? new(WriteResult.Failed(Failure.NotApplied(ErrorCode.Forbidden, $"keyspace {keyspace} is read-only to clients")))
                    : calls.Leader(found!.Id).WriteAsync(RequestOf(found, key)),
            result => result.Failure,
            WriteResult.Failed,
            isWrite: true,
            waitsForLeader: true,
            timeout - time.GetElapsedTime(started),
            cancellationToken));

        RangeWrite RequestOf(RangeDescriptor range, ReadOnlyMemory<byte> key) => new([write with { Key = key }], range.Generation)
        {
            Level = options.Level,
            Patience = options.Level == WriteLevel.All ? PatienceOf(timeout - time.GetElapsedTime(started)) : TimeSpan.Zero,
            Idempotency = options.Idempotency,
        };
    }

    public async ValueTask<ReadResult> ReadAsync(
        string keyspace,
        ReadOnlyMemory<byte> key,
        Timestamp asOf,
        ReadConsistency consistency,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        if (KeyFailure(key) is { } invalid)
            return ReadResult.Failed(invalid);
        consistency = ReadRouting.For(asOf, consistency);

        // A leader that can answer at once is the freshest and nearest replica of all, whatever is asked for.
        if (TryRoute(keyspace, key, out var range, out var routingKey, out var leader) && leader.TryRead(RequestOf(range, routingKey)) is { } atOnce)
            return atOnce;

        // What waits or goes elsewhere does not do so in a thread that serves sockets, where the API leaves reads of a key.
        if (!Thread.CurrentThread.IsThreadPoolThread)
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        return await calls.RunAsync(
            snapshot => Route(snapshot, keyspace, key, out var found, out var routed) is { } failure
                ? new(ReadResult.Failed(failure))
                : routing.ReadAsync(found!, RequestOf(found!, routed)),
            result => result.Failure,
            ReadResult.Failed,
            isWrite: false,
            waitsForLeader: !consistency.LocalOnly,
            timeout,
            cancellationToken);

        RangeRead RequestOf(RangeDescriptor range, ReadOnlyMemory<byte> key) => new(key, asOf, range.Generation) { Consistency = consistency };
    }

    public ValueTask<HistoryResult> HistoryAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken) =>
        KeyFailure(key) is { } invalid
            ? new(HistoryResult.Failed(invalid))
            : calls.RunAsync(
                snapshot => Route(snapshot, keyspace, key, out var found, out var routed) is { } failure
                    ? new(HistoryResult.Failed(failure))
                    : calls.Leader(found!.Id).HistoryAsync(new RangeHistory(routed, found.Generation)),
                result => result.Failure,
                HistoryResult.Failed,
                isWrite: false,
                waitsForLeader: true,
                timeout,
                cancellationToken);

    public ValueTask<ScanResult> ScanAsync(string keyspace, ScanQuery query, ReadConsistency consistency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        // What the session has seen may come from a node whose clock is ahead: a scan that names its own present must lie above it.
        clock.TryReceive(consistency.Seen);
        return calls.RunAsync(
            snapshot => snapshot.FindActive(keyspace) is not { } map ? new(ScanResult.Failed(NoKeyspace(keyspace)))
                : FamilyFailure(map) is { } failure ? new(ScanResult.Failed(failure))
                : new ScanPlan(map, query, consistency, clock, node.Name).RunAsync(routing),
            result => result.Failure,
            ScanResult.Failed,
            isWrite: false,
            waitsForLeader: !consistency.LocalOnly,
            timeout,
            cancellationToken);
    }

    /// <summary>
    /// How long a leader may wait for the replicas beyond the quorum: its answer, that a majority has the write, must still be here
    /// before the caller's time is over.
    /// </summary>
    private static TimeSpan PatienceOf(TimeSpan left) => left - (left / 4 < AnswerMargin ? left / 4 : AnswerMargin);

    private bool TryRoute(string keyspace, ReadOnlyMemory<byte> key, out RangeDescriptor range, out ReadOnlyMemory<byte> routingKey, out RangeLeader leader)
    {
        if (meta.Current is { } snapshot && Route(snapshot, keyspace, key, out var found, out routingKey) is null && local.Find(found!.Id) is { } here)
        {
            range = found;
            leader = here;
            return true;
        }

        range = null!;
        leader = null!;
        routingKey = default;
        return false;
    }

    private static Failure? Route(MetaSnapshot snapshot, string keyspace, ReadOnlyMemory<byte> key, out RangeDescriptor? range, out ReadOnlyMemory<byte> routingKey)
    {
        if (snapshot.FindActive(keyspace) is not { } map)
        {
            range = null;
            routingKey = default;
            return NoKeyspace(keyspace);
        }

        if (FamilyFailure(map) is { } failure)
        {
            range = null;
            routingKey = default;
            return failure;
        }

        routingKey = map.RoutingKeyOf(key);
        range = map.Find(routingKey.Span);
        return null;
    }

    private static Failure? FamilyFailure(KeyspaceMap map) => map.Keyspace.Family == KeyspaceFamily.Strong
        ? null
        : Failure.NotApplied(ErrorCode.UnsupportedForFamily, $"keyspace '{map.Keyspace.Name}' is eventual: it offers single keys, and no scans, history, snapshots, transactions or change feeds");

    private static Failure NoKeyspace(string keyspace) =>
        Failure.NotApplied(ErrorCode.KeyspaceNotFound, $"there is no keyspace '{keyspace}'");

    private static Failure? KeyFailure(ReadOnlyMemory<byte> key) => key.Length switch
    {
        0 => Failure.NotApplied(ErrorCode.InvalidKey, "the key is empty"),
        > KeyLimits.MaxKeyBytes => Failure.NotApplied(ErrorCode.KeyTooLarge, $"the key has {key.Length} bytes, the limit is {KeyLimits.MaxKeyBytes}"),
        _ => null,
    };

    /// <summary>
    /// A commit on another node lifts this node's clock, so that a scan that begins here afterwards begins above it. A commit
    /// from a clock too far ahead is not followed; it is the clock guard's business.
    /// </summary>
    private WriteResult Seen(WriteResult result)
    {
        clock.TryReceive(result.Version);
        return result;
    }

    private static bool IsSystem(string keyspace) => keyspace.StartsWith("system.", StringComparison.Ordinal);

    private ValueTask<T> WithinAsync<T>(ValueTask<T> running, TimeSpan timeout, CancellationToken cancellationToken) =>
        running.IsCompleted ? running : new(running.AsTask().WaitAsync(timeout, time, cancellationToken));
}

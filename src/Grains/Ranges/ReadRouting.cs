using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Grains.Ranges;

/// <summary>
/// Who serves a read. A linearizable one is the leader's. Any other is asked of this node's own replica first, or, where the node
/// has none, of the first live one in the order of preference. A replica that cannot serve it (too stale for what is asked,
/// recovering, broken, silent) leaves it to the leader, unless the read is for replicas only.
/// </summary>
internal sealed class ReadRouting(NodeOptions node, LiveNodes live, LocalRanges local, RangeCalls calls, IGrainFactory grains, TimeProvider time)
{
    /// <summary>How long a replica may think before the leader is asked instead; no bound where there is no instead.</summary>
    private static readonly TimeSpan ReplicaPatience = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A snapshot that the request names itself reads the same wherever it can be read at all, so neither a session nor a bound
    /// on staleness has a say about it.
    /// </summary>
    public static ReadConsistency For(Timestamp asOf, ReadConsistency consistency) =>
        asOf.IsZero || consistency.Level == ReadLevel.Linearizable
            ? consistency
            : new ReadConsistency(ReadLevel.Eventual, MaxStaleness: default, Seen: default, consistency.LocalOnly);

    public ValueTask<ReadResult> ReadAsync(RangeDescriptor range, RangeRead request) =>
        request.Consistency.Level == ReadLevel.Linearizable
            ? calls.Leader(range.Id).ReadAsync(request)
            : RouteAsync(
                range,
                request.Consistency,
                replica => replica.ReadAsync(request),
                leader => leader.ReadAsync(request),
                result => result.Failure,
                ReadResult.Failed);

    /// <param name="range">The range to read.</param>
    /// <param name="request">What to scan.</param>
    /// <param name="present">At which snapshot a leader reads where the request names none; zero leaves that to it.</param>
    public ValueTask<ScanResult> ScanAsync(RangeDescriptor range, RangeScan request, Timestamp present)
    {
        var ofLeader = request.AsOf.IsZero ? request with { AsOf = present } : request;
        return request.Consistency.Level == ReadLevel.Linearizable
            ? calls.Leader(range.Id).ScanAsync(ofLeader)
            : RouteAsync(
                range,
                request.Consistency,
                replica => replica.ScanAsync(request),
                leader => leader.ScanAsync(ofLeader),
                result => result.Failure,
                ScanResult.Failed);
    }

    private async ValueTask<TResult> RouteAsync<TResult>(
        RangeDescriptor range,
        ReadConsistency consistency,
        Func<IReplicaGrain, ValueTask<TResult>> ask,
        Func<IKeyRange, ValueTask<TResult>> askLeader,
        Func<TResult, Failure?> failureOf,
        Func<Failure, TResult> failed)
    {
        // A leader on this node is no other replica to fall back to.
        var mayAskLeader = !consistency.LocalOnly || local.Find(range.Id) is not null;
        Failure why;
        try
        {
            if (FindReplica(range) is { } replica)
            {
                var answer = await WithinAsync(ask(replica), mayAskLeader);
                if (failureOf(answer) is not { } failure)
                    return answer;
                why = failure;
            }
            else
            {
                why = Failure.NotApplied(ErrorCode.Unavailable, $"no node with a replica of range {range.Id} is up");
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Whatever kept the replica from answering, a read left no trace, and the leader has the last word.
            why = Failure.NotApplied(ErrorCode.Unavailable, exception is TimeoutException
                ? $"the replica of range {range.Id} did not answer in time"
                : $"the replica of range {range.Id} cannot be reached: {exception.Message}");
        }

        return mayAskLeader ? await askLeader(calls.Leader(range.Id)) : failed(WithoutLeader(why));
    }

    private IReplicaGrain? FindReplica(RangeDescriptor range)
    {
        var name = range.On(node.Name)?.Node ?? range.Nodes.FirstOrDefault(name => live.Find(name) is not null);
        return name is null ? null : grains.GetGrain<IReplicaGrain>(new ReplicaKey(range.Id, name).ToString());
    }

    private ValueTask<TResult> WithinAsync<TResult>(ValueTask<TResult> running, bool isBounded) =>
        running.IsCompleted || !isBounded ? running : new(running.AsTask().WaitAsync(ReplicaPatience, time));

    /// <summary>A replica that is broken or behind is a reason to ask elsewhere; what is wrong with the request, or with the route, stays what it is.</summary>
    private static Failure WithoutLeader(Failure failure) => failure.Code is ErrorCode.RangeMoved or ErrorCode.SnapshotTooOld or ErrorCode.InvalidRequest
        ? failure
        : Failure.NotApplied(ErrorCode.Unavailable, failure.Detail) with { RetryAfter = failure.RetryAfter };
}

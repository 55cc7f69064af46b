using GrainDb.Engine.Replication;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// Reads of one replica's applied state, without its leader. Record timestamps grow with the log, so the state at the largest applied or closed
/// timestamp is a snapshot that later commits never change, unless an undecided intent stands below: then it ends before that. What it cannot serve it
/// refuses, and the caller asks the leader.
/// </summary>
/// <param name="acceptor">The replica.</param>
/// <param name="descriptor">Its range.</param>
/// <param name="partitioning">How its keyspace makes routing keys.</param>
/// <param name="node">The node's stable name.</param>
/// <param name="region">The node's region.</param>
public sealed class FollowerReader(ReplicaAcceptor acceptor, RangeDescriptor descriptor, KeyspacePartitioning partitioning, string node, string region)
{
    private readonly ServedBy _servedBy = new(region, descriptor.Id, node, ReplicaRole.Follower);

    /// <summary>Reads one key.</summary>
    public ReadResult Read(RangeRead request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (acceptor.Replica.Gate)
        {
            if (WhyNot(request.Generation, request.AsOf, request.Consistency, request.Reader, out var at, out var staleness) is { } failure)
                return ReadResult.Failed(failure);
            if (!descriptor.Contains(request.Key.Span))
                return ReadResult.Failed(Failure.NotApplied(ErrorCode.RangeMoved, $"the key is not in range {descriptor.Id}"));
            return SnapshotReading.Get(acceptor.Replica.Store, request.Key, at, _servedBy) with { Staleness = staleness };
        }
    }

    /// <summary>Reads a page.</summary>
    public async ValueTask<ScanResult> ScanAsync(RangeScan request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var page = new ScanPage(request, descriptor, partitioning);
        var at = request.AsOf;
        for (var slices = 1; ; slices++)
        {
            TimeSpan? staleness;
            lock (acceptor.Replica.Gate)
            {
                if (WhyNot(request.Generation, at, request.Consistency, request.Reader, out at, out staleness) is { } failure)
                    return ScanResult.Failed(failure);
                if (!SnapshotReading.ScanSlice(acceptor.Replica.Store, page, at))
                {
                    return new ScanResult
                    {
                        Items = page.Items,
                        ResumeKey = page.ResumeKey,
                        ReadTimestamp = at,
                        ServedBy = _servedBy,
                        Staleness = staleness,
                    };
                }
            }

            if (slices % SnapshotReading.SlicesPerTurn == 0)
                await Task.Yield();
        }
    }

    /// <summary>Settles at which timestamp to read and how old that is at most; or why it cannot be served here.</summary>
    private Failure? WhyNot(
        long generation,
        Timestamp asOf,
        ReadConsistency consistency,
        TransactionReader? reader,
        out Timestamp at,
        out TimeSpan? staleness)
    {
        var replica = acceptor.Replica;
        (at, staleness) = (asOf, null);
        if (!replica.IsLoaded)
            return Unavailable("it has only just been opened");
        var newest = acceptor.NewestSnapshot;
        at = asOf.IsZero ? newest : asOf;
        staleness = newest.IsZero ? null : Age(newest);
        if (generation != descriptor.Generation)
            return Failure.NotApplied(ErrorCode.RangeMoved, $"range {descriptor.Id} has another descriptor");
        if (acceptor.IsRecovering)
            return Unavailable("it is being rebuilt");
        if (newest.IsZero)
            return Unavailable("it has not heard from a leader yet");
        if (at > newest)
            return Unavailable($"it knows the state up to {newest}, not {at}");
        if (reader is { UncertainUntil.IsZero: false })
            return Unavailable("only the leader knows what was written lately");
        if (consistency.Level == ReadLevel.Linearizable && asOf.IsZero)
            return Unavailable("only the leader serves linearizable reads");
        if (consistency.Level == ReadLevel.Session && consistency.Seen > at)
            return Unavailable($"the session has seen {consistency.Seen}, it knows the state up to {newest}");
        if (consistency.Level == ReadLevel.Bounded && (staleness is not { } age || age > consistency.MaxStaleness))
            return Unavailable($"its state may be {(staleness is { } old ? $"{old.TotalMilliseconds:0} ms" : "arbitrarily")} old");
        if (!replica.Store.CanReadAt(at))
        {
            return Failure.NotApplied(ErrorCode.SnapshotTooOld, $"{at} is below the GC threshold {replica.Store.GcThreshold}") with
            {
                GcThreshold = replica.Store.GcThreshold,
            };
        }

        return null;
    }

    /// <summary>
    /// Everything up to it is there, so nothing older than it is missing. An upper bound: rounded up, and the leader, whose clock it is, may be ahead of this node's by the largest
    /// offset.
    /// </summary>
    private TimeSpan Age(Timestamp known) =>
        TimeSpan.FromMilliseconds(Math.Max(0, acceptor.Replica.Clock.Now().Milliseconds - known.Milliseconds) + 1) + acceptor.Replica.Clock.MaxOffset;

    private Failure Unavailable(string why) => Failure.NotApplied(ErrorCode.Unavailable, $"range {descriptor.Id}: the replica on {node} cannot serve it: {why}");
}

using GrainDb.Engine.Transactions;
using GrainDb.Grains.Meta;
using GrainDb.Grains.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Grains.Transactions;

/// <summary>The ranges as this node reaches them: routes by its view of the meta range, and tries again as every request does (<see cref="RangeCalls"/>).</summary>
internal sealed class TransactionRanges(MetaCache meta, RangeCalls calls, TimeProvider time) : ITransactionRanges
{
    public ValueTask<IKeyspaceRoutes?> FindKeyspaceAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken) =>
        meta.Current?.FindActive(keyspace) is { } map ? new(map) : LookAgainAsync(keyspace, timeout, cancellationToken);

    public ValueTask<ReadResult> ReadAsync(string keyspace, RangeRead request, TimeSpan timeout, CancellationToken cancellationToken) => RunAsync(
        snapshot => snapshot.FindActive(keyspace)?.Find(request.Key.Span),
        range => calls.Leader(range.Id).ReadAsync(request with { Generation = range.Generation }),
        result => result.Failure,
        ReadResult.Failed,
        isWrite: false,
        timeout,
        cancellationToken);

    public ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan request, TimeSpan timeout, CancellationToken cancellationToken) => RunAsync(
        snapshot => snapshot.FindActive(keyspace) is { } map ? map.Ranges[request.Reverse ? map.LastIndexBelow(request.End) : map.IndexOf(request.Start)] : null,
        range => ScanAsync(range, request),
        result => result.Failure,
        ScanResult.Failed,
        isWrite: false,
        timeout,
        cancellationToken);

    public async ValueTask<Failure?> RefreshAsync(RangeId range, RangeRefresh request, TimeSpan timeout, CancellationToken cancellationToken) => await RunAsync(
        snapshot => snapshot.FindRange(range),
        found => calls.Leader(range).RefreshAsync(request with { Generation = found.Generation }),
        failure => failure,
        failure => failure,
        isWrite: false,
        timeout,
        cancellationToken);

    public ValueTask<RangeCommitResult> CommitAsync(RangeId range, RangeCommit request, TimeSpan timeout) => RunAsync(
        snapshot => snapshot.FindRange(range),
        found => calls.Leader(range).CommitAsync(request with { Work = request.Work with { Generation = found.Generation } }),
        result => result.Failure,
        RangeCommitResult.Failed,
        isWrite: true,
        timeout,
        CancellationToken.None);

    public ValueTask<PrepareResult> PrepareAsync(RangeId range, RangePrepare request, TimeSpan timeout) => RunAsync(
        snapshot => snapshot.FindRange(range),
        found => calls.Leader(range).PrepareAsync(request with { Work = request.Work with { Generation = found.Generation } }),
        result => result.Failure,
        PrepareResult.Failed,
        isWrite: true,
        timeout,
        CancellationToken.None);

    public async ValueTask<RangeDecision> DecideAsync(RangeId range, RangeDecide request, TimeSpan timeout)
    {
        var decision = await RunAsync(
            snapshot => snapshot.FindRange(range),
            _ => calls.Leader(range).DecideAsync(request),
            result => result.Failure,
            RangeDecision.Failed,
            isWrite: true,
            timeout,
            CancellationToken.None);
        return decision.Failure is not null && request.IsPrepared && IsGone(range) ? new RangeDecision { Outcome = Timestamp.Zero } : decision;
    }

    /// <summary>Sends decisions to a range. One that is gone for good, with its keyspace, has nothing left to decide.</summary>
    public async ValueTask<Failure?> ResolveAsync(RangeId range, Resolution[] resolutions, TimeSpan timeout)
    {
        var failure = await RunAsync(
            snapshot => snapshot.FindRange(range),
            _ => calls.Leader(range).ResolveAsync(resolutions),
            failure => failure,
            failure => failure,
            isWrite: true,
            timeout,
            CancellationToken.None);
        return failure is not null && IsGone(range) ? null : failure;
    }

    /// <summary>Whether a range was there, and is gone for good, with its keyspace: numbers are not used twice.</summary>
    private bool IsGone(RangeId range) => meta.Current is { } snapshot && range.Value < snapshot.Catalog.NextRangeId && snapshot.FindRange(range) is null;

    private async ValueTask<IKeyspaceRoutes?> LookAgainAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (timeout > TimeSpan.Zero)
            await ((Task)meta.RefreshAsync(cancellationToken)).WaitAsync(timeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return meta.Current?.FindActive(keyspace);
    }

    private async ValueTask<ScanResult> ScanAsync(RangeDescriptor range, RangeScan request)
    {
        var page = await calls.Leader(range.Id).ScanAsync(request with { Generation = range.Generation });
        if (page.Failure is not null || !page.UncertainAt.IsZero || page.ResumeKey is not null)
            return page;
        var border = request.Reverse ? range.Start : range.End;
        var isMore = request.Reverse
            ? border is { Length: > 0 } && border.AsSpan().SequenceCompareTo(request.Start) > 0
            : border is not null && (request.End is null || border.AsSpan().SequenceCompareTo(request.End) < 0);
        return isMore ? page with { ResumeKey = border } : page;
    }

    private ValueTask<T> RunAsync<T>(
        Func<MetaSnapshot, RangeDescriptor?> route,
        Func<RangeDescriptor, ValueTask<T>> ask,
        Func<T, Failure?> failureOf,
        Func<Failure, T> failed,
        bool isWrite,
        TimeSpan timeout,
        CancellationToken cancellationToken) => timeout <= TimeSpan.Zero
        ? new(failed(Failure.NotApplied(ErrorCode.Unavailable, "no time is left")))
        : calls.RunAsync(
            snapshot => route(snapshot) is { } range ? ask(range) : new(failed(NoRange)),
            failureOf,
            failed,
            isWrite,
            waitsForLeader: true,
            timeout,
            cancellationToken);

    private static Failure NoRange => Failure.NotApplied(ErrorCode.RangeMoved, "this node does not see the range any more");
}

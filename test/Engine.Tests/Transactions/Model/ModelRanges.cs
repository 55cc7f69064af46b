using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Core;

namespace GrainDb.Engine.Tests.Transactions.Model;

/// <summary>The ranges as one node reaches them: over a network that loses, delays, repeats and reorders.</summary>
internal sealed class ModelRanges(ModelCluster cluster, SimulatedProcess process, TimeProvider time) : ITransactionRanges
{
    private static readonly TimeSpan PatienceOfRead = TimeSpan.FromMilliseconds(3000);
    private static readonly TimeSpan PatienceOfCall = TimeSpan.FromMilliseconds(3000);

    /// <summary>Calls that it still makes: it dies of the next one.</summary>
    public int CallsLeft { get; set; } = int.MaxValue;

    public ValueTask<IKeyspaceRoutes?> FindKeyspaceAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken) => new(ModelKeyspace.Find(keyspace));

    public ValueTask<ReadResult> ReadAsync(string keyspace, RangeRead request, TimeSpan timeout, CancellationToken cancellationToken) =>
        new(AgainAsync(ModelKeyspace.Find(keyspace)!.Find(request.Key.Span).Id, "read", range => range.ReadAsync(request), result => result.Failure, ReadResult.Failed, timeout));

    public async ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var ranges = ModelKeyspace.Find(keyspace)!.Ranges;
        var range = request.Reverse
            ? ranges.Last(range => request.End is null || range.Start.AsSpan().SequenceCompareTo(request.End) < 0)
            : ranges.First(range => range.Contains(request.Start));
        var page = await AgainAsync(range.Id, "scan", model => model.ScanAsync(request), result => result.Failure, ScanResult.Failed, timeout);
        if (page.Failure is not null || !page.UncertainAt.IsZero || page.ResumeKey is not null)
            return page;
        var border = request.Reverse ? range.Start : range.End;
        var isMore = request.Reverse
            ? border is { Length: > 0 } && border.AsSpan().SequenceCompareTo(request.Start) > 0
            : border is not null && (request.End is null || border.AsSpan().SequenceCompareTo(request.End) < 0);
        return page with { ResumeKey = isMore ? border : null };
    }

    public async ValueTask<Failure?> RefreshAsync(RangeId range, RangeRefresh request, TimeSpan timeout, CancellationToken cancellationToken) =>
        (await AgainAsync(range, "refresh", async model => new Answer(await model.RefreshAsync(request)), answer => answer.Failure, failure => new Answer(failure), timeout)).Failure;

    public async ValueTask<RangeCommitResult> CommitAsync(RangeId range, RangeCommit request, TimeSpan timeout) =>
        await CallAsync(range, "commit", model => model.CommitAsync(request), timeout) ?? RangeCommitResult.Failed(NoAnswer);

    public async ValueTask<RangeDecision> DecideAsync(RangeId range, RangeDecide request, TimeSpan timeout) =>
        await CallAsync(range, "decide", model => new ValueTask<RangeDecision>(model.Decide(request)), timeout) ?? RangeDecision.Failed(NoAnswer);

    public async ValueTask<PrepareResult> PrepareAsync(RangeId range, RangePrepare request, TimeSpan timeout) =>
        await CallAsync(range, "prepare", model => model.PrepareAsync(request), timeout) ?? PrepareResult.Failed(NoAnswer);

    public async ValueTask<Failure?> SendAsync(RangeId range, Resolution[] resolutions) =>
        (await CallAsync(
            range,
            "resolve",
            model =>
            {
                foreach (var resolution in resolutions)
                    model.Resolve(resolution);
                return new ValueTask<Answer>(new Answer(null));
            },
            PatienceOfCall) ?? new Answer(NoAnswer)).Failure;

    private static Failure NoAnswer => Failure.Unknown(ErrorCode.OutcomeUnknown, "no answer");

    private static TimeSpan Shorter(TimeSpan timeout) => timeout < PatienceOfCall ? timeout : PatienceOfCall;

    /// <summary>Reading leaves no trace: it may be tried again.</summary>
    private async Task<T> AgainAsync<T>(
        RangeId range, string what, Func<ModelRange, ValueTask<T>> ask, Func<T, Failure?> failureOf, Func<Failure, T> failed, TimeSpan timeout)
        where T : class
    {
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < timeout)
        {
            if (await CallAsync(range, what, ask, PatienceOfRead) is { } answer && failureOf(answer) is not { Code: ErrorCode.Unavailable })
                return answer;
        }

        return failed(Failure.NotApplied(ErrorCode.Unavailable, "no answer"));
    }

    private Task<T?> CallAsync<T>(RangeId range, string what, Func<ModelRange, ValueTask<T>> ask, TimeSpan timeout)
        where T : class
    {
        var model = cluster.Ranges[range];
        return CallAsync(model.Node, what, () => ask(model), timeout);
    }

    private Task<T?> CallAsync<T>(string node, string what, Func<ValueTask<T>> ask, TimeSpan timeout)
        where T : class
    {
        if (CallsLeft-- > 0)
            return cluster.Network.CallAsync(process, node, what, ask, Shorter(timeout), mayRepeat: true);
        process.Die();
        return new TaskCompletionSource<T?>().Task;
    }

    private sealed record Answer(Failure? Failure);
}

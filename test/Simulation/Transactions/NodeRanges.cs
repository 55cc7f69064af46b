using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using GrainDb.Simulation.Cluster;
using GrainDb.Simulation.Core;

namespace GrainDb.Simulation.Transactions;

/// <summary>
/// Ranges as a program reaches them through the simulated network: it asks where a leader was placed, sometimes elsewhere, and asks
/// again what certainly did not happen. Requests about transactions are idempotent, so they may arrive twice, and late.
/// </summary>
internal sealed class NodeRanges(SimulatedCluster cluster, SimulatedProcess process, TimeProvider time, Random random) : ITransactionRanges
{
    private static readonly TimeSpan CallPatience = TimeSpan.FromMilliseconds(1500);

    /// <summary>What is held up until it is forgotten arrives so long before the end.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(300);

    /// <summary>What is held up until it is aborted arrives within.</summary>
    private static readonly TimeSpan LongestHoldUp = TimeSpan.FromSeconds(15);

    private readonly Dictionary<TransactionId, bool> _isHeldUp = [];

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(400);

    public ValueTask<IKeyspaceRoutes?> FindKeyspaceAsync(string keyspace, TimeSpan timeout, CancellationToken cancellationToken) =>
        new(keyspace == DataKeyspace.Name ? cluster.Data : null);

    public ValueTask<ReadResult> ReadAsync(string keyspace, RangeRead request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var range = cluster.RangeOf(request.Key.Span);
        return RunAsync(range, "transactional read", leader => leader.ReadAsync(request with { Generation = range.Descriptor.Generation }), result => result.Failure, ReadResult.Failed, isWrite: false, timeout);
    }

    public async ValueTask<ScanResult> ScanAsync(string keyspace, RangeScan request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (request.Reverse)
            throw new NotSupportedException("scans of the simulation go forward");
        var range = cluster.RangeOf(request.Start);
        var page = await RunAsync(
            range, "transactional scan", leader => leader.ScanAsync(request with { Generation = range.Descriptor.Generation }), result => result.Failure, ScanResult.Failed, isWrite: false, timeout);
        if (page.Failure is not null || !page.UncertainAt.IsZero || page.ResumeKey is not null || range.Descriptor.End is not { } border)
            return page;
        return request.End is null || border.AsSpan().SequenceCompareTo(request.End) < 0 ? page with { ResumeKey = border } : page;
    }

    public ValueTask<Failure?> RefreshAsync(RangeId range, RangeRefresh request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var found = cluster.RangeOf(range);
        return RunAsync(found, "refresh", leader => leader.RefreshAsync(request with { Generation = found.Descriptor.Generation }), failure => failure, failure => failure, isWrite: false, timeout);
    }

    public ValueTask<RangeCommitResult> CommitAsync(RangeId range, RangeCommit request, TimeSpan timeout)
    {
        var found = cluster.RangeOf(range);
        request = request with { Work = request.Work with { Generation = found.Descriptor.Generation } };
        if (request.Others.Length > 0 && cluster.Profile.Script == Script.LateDecision && IsHeldUp(found, request))
            return new(RangeCommitResult.Failed(Failure.Unknown(ErrorCode.OutcomeUnknown, "no answer")));

        // Of one that lies in this range alone a refusal leaves no trace, so the network must not repeat it: as with a transaction that comes whole.
        return RunAsync(
            found,
            $"commit {request.Work.Transaction} with {request.Others.Length} others above {request.After}",
            leader => leader.CommitAsync(request),
            result => result.Failure,
            RangeCommitResult.Failed,
            isWrite: true,
            timeout,
            mayRepeat: request.Others.Length > 0);
    }

    public ValueTask<RangeDecision> DecideAsync(RangeId range, RangeDecide request, TimeSpan timeout) => RunAsync(
        cluster.RangeOf(range), $"decide {request}", leader => leader.DecideAsync(request), result => result.Failure, RangeDecision.Failed, isWrite: true, timeout);

    public ValueTask<PrepareResult> PrepareAsync(RangeId range, RangePrepare request, TimeSpan timeout)
    {
        var found = cluster.RangeOf(range);
        return RunAsync(
            found,
            $"prepare {request.Work.Transaction}",
            leader => leader.PrepareAsync(request with { Work = request.Work with { Generation = found.Descriptor.Generation } }),
            result => result.Failure,
            PrepareResult.Failed,
            isWrite: true,
            timeout);
    }

    /// <summary>A transaction that came whole and lies in one range. One that did not commit because of a check leaves no trace, so the network must not repeat it: nobody but its sender knows of both.</summary>
    public ValueTask<TransactResult> TransactAsync(SimulatedRange range, RangeTransact request, TimeSpan timeout) =>
        RunAsync(range, $"transact {request.Transaction}", leader => leader.TransactAsync(request), result => result.Failure, TransactResult.Failed, isWrite: true, timeout, mayRepeat: false);

    public ValueTask<Failure?> ResolveAsync(RangeId range, Resolution[] resolutions, TimeSpan timeout) => RunAsync(
        cluster.RangeOf(range), $"resolve {string.Join(' ', resolutions)}", leader => leader.ResolveAsync(resolutions), failure => failure, failure => failure, isWrite: true, timeout);

    /// <summary>What became of a transaction, as ranges say: one that knows, or all, each of which proves that it neither knows nor ever will.</summary>
    /// <returns>The commit timestamp, zero for an abort; null when that is not certain yet.</returns>
    public async ValueTask<Timestamp?> FindOutcomeAsync(TransactionId transaction, TimeSpan timeout)
    {
        var isCertain = true;
        foreach (var range in cluster.Ranges)
        {
            var said = await RunAsync(
                range,
                $"what became of {transaction}",
                leader => new(leader.TryFindOutcome(transaction, out var outcome) ? new Said(true, outcome) : new Said(false, null)),
                _ => null,
                _ => new Said(false, null),
                isWrite: false,
                timeout);
            if (said.Outcome is { } known)
                return known;
            isCertain &= said.CanTell;
        }

        return isCertain ? Timestamp.Zero : null;
    }

    private sealed record Said(bool CanTell, Timestamp? Outcome);

    /// <summary>What became of a transaction whose coordinator may be lost: as a range says; or nothing, when every range was made to take nothing of it any more.</summary>
    /// <returns>The commit timestamp, zero for an abort; null when that is not certain yet.</returns>
    public async ValueTask<Timestamp?> GiveUpAsync(TransactionId transaction, TimeSpan timeout)
    {
        var isCertain = true;
        foreach (var range in cluster.Ranges)
        {
            var fenced = await RunAsync(range, $"give {transaction} up", leader => leader.FenceAsync(transaction), result => result.Failure, FenceResult.Failed, isWrite: true, timeout);
            if (fenced is { Failure: null, Outcome: { } outcome })
                return outcome;
            isCertain &= fenced is { Failure: null, IsPrepared: false };
        }

        return isCertain ? Timestamp.Zero : null;
    }

    /// <summary>The request is on its way for longer than anybody waits for it, or than anybody remembers what it is about.</summary>
    private void HoldUp(SimulatedRange range, RangeCommit request)
    {
        var hold = cluster.Profile.OutlivesMemory ? cluster.Profile.Duration - Margin - cluster.World.Elapsed : LongestHoldUp * random.NextDouble();
        cluster.World.Schedule(hold, owner: null, () =>
        {
            if (range.Director.Placed is { } node)
                cluster.Network.Tell(process, node.Name, "late decision", () => _ = node.LeadersOf(range) is [.., var leader] ? leader.CommitAsync(request).AsTask() : Task.CompletedTask);
        });
    }

    /// <summary>The first attempt is on its way, and those that follow are lost. Some coordinators are killed meanwhile: nobody is left who would abort.</summary>
    private bool IsHeldUp(SimulatedRange range, RangeCommit request)
    {
        var transaction = request.Work.Transaction;
        if (_isHeldUp.TryGetValue(transaction, out var isHeldUp))
            return isHeldUp;
        isHeldUp = random.Next(8) == 0;
        _isHeldUp.Add(transaction, isHeldUp);
        if (!isHeldUp)
            return false;
        HoldUp(range, request);
        if (random.Next(4) == 0 && cluster.Node(process.Name) is { IsUp: true } node && cluster.AreThingsBreaking)
            cluster.World.Schedule(TimeSpan.Zero, owner: null, () => cluster.Kill(node));
        return true;
    }

    private sealed record Answer<T>(T Result)
    {
        public override string ToString() => $"{Result}";
    }

    private async ValueTask<T> RunAsync<T>(
        SimulatedRange range, string what, Func<RangeLeader, ValueTask<T>> ask, Func<T, Failure?> failureOf, Func<Failure, T> failed, bool isWrite, TimeSpan timeout, bool mayRepeat = true)
    {
        var started = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var left = timeout - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return failed(Failure.NotApplied(ErrorCode.Unavailable, "no time is left"));
            var node = range.Director.Placed is { } placed && random.Next(10) != 0 ? placed : cluster.Nodes.ElementAt(random.Next(cluster.Nodes.Count));
            var answer = await cluster.Network.CallAsync(
                process, node.Name, what, () => AtLeaderAsync(range, node, ask, failed), left < CallPatience ? left : CallPatience, isWrite && mayRepeat);
            if (answer is null && isWrite)
                return failed(Failure.Unknown(ErrorCode.OutcomeUnknown, $"{node.Name} gave no answer"));
            if (answer is not null && failureOf(answer.Result) is not { Outcome: Outcome.NotApplied, Code: ErrorCode.Unavailable or ErrorCode.RangeMoved or ErrorCode.Overloaded })
                return answer.Result;
            var pause = RetryPause * attempt < LongestPause ? RetryPause * attempt : LongestPause;
            if (time.GetElapsedTime(started) + pause >= timeout)
                return answer is null ? failed(Failure.NotApplied(ErrorCode.Unavailable, "nobody answers")) : answer.Result;
            await Task.Delay(pause, time);
        }
    }

    private async ValueTask<Answer<T>> AtLeaderAsync<T>(SimulatedRange range, SimulatedNode node, Func<RangeLeader, ValueTask<T>> ask, Func<Failure, T> failed)
    {
        var leaders = node.LeadersOf(range);
        return new(leaders.Count > 0
            ? await ask(leaders[random.Next(leaders.Count)])
            : failed(Failure.NotApplied(ErrorCode.Unavailable, "no leader here")));
    }
}

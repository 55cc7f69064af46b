using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>The commit of a transaction.</summary>
public sealed partial class TransactionCoordinator
{
    /// <summary>Pause between attempts to find out, after the client was told that the outcome is unknown.</summary>
    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(1);

    /// <summary>Commits. Repeated, it gives the same answer; one that was unknown, once it is known.</summary>
    /// <param name="idempotency">Stored with the effect; null for none. Of a repetition it is ignored.</param>
    /// <param name="timeout">The time that it may take.</param>
    /// <param name="cancellationToken">The caller gave up: the commit goes on.</param>
    public async Task<CommitResult> CommitAsync(IdempotencyStamp? idempotency, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ExpireIfDue();
        TaskCompletionSource<CommitResult> commit;
        bool isFirst;
        lock (_gate)
        {
            isFirst = _status == TransactionStatus.Active;
            if (_commit is null && !isFirst)
                return CommitResult.Failed(WhyNotActive()!);
            if (isFirst)
                _status = TransactionStatus.Preparing;
            if (_status is TransactionStatus.Committed or TransactionStatus.Aborted)
                return Result();
            commit = _commit ??= new TaskCompletionSource<CommitResult>();
        }

        if (isFirst)
            _ = RunAsync(commit, idempotency, timeout);
        return await AwaitAsync(commit.Task, timeout, cancellationToken);
    }

    /// <summary>
    /// Asks the range that would hold the stamp of these writes whether the same request took effect before. Where it did not, the transaction leaves nothing there.
    /// </summary>
    internal async Task<PrepareResult> ProbeAsync(IdempotencyStamp stamp, IEnumerable<(string Keyspace, ReadOnlyMemory<byte> Key)> written, TimeBudget budget)
    {
        var routed = new List<(string Keyspace, ReadOnlyMemory<byte> Key, RangeId Range)>();
        foreach (var (keyspace, key) in written)
        {
            var (routes, failure) = await FindAsync(keyspace, budget, CancellationToken.None);
            if (failure is not null)
                return PrepareResult.Failed(failure);
            var routingKey = RoutingKey.Of(routes!.Keyspace.Partitioning, key);
            routed.Add((keyspace, routingKey, routes.Find(routingKey.Span).Id));
        }

        var first = routed.OrderBy(write => write.Keyspace, StringComparer.Ordinal).ThenBy(write => write.Key, RoutingKeyOrder.Instance).First();
        var work = new TransactionWork
        {
            Transaction = Id,
            ReadTimestamp = ReadTimestamp,
            Deadline = TransactionDeadline.Of(Id),
            Generation = 0,
            ReadKeys = [first.Key],
            Idempotency = stamp,
        };
        var answer = await _context.Ranges.PrepareAsync(first.Range, new RangePrepare(work, [first.Range]), budget.Left);
        if (answer.Repeated is null && answer.Failure is not { Outcome: Outcome.NotApplied })
            _ = _context.Resolutions.ResolveAsync(new Resolution(Id, Timestamp.Zero), [first.Range]);
        return answer.Failure is { Outcome: not Outcome.NotApplied }
            ? PrepareResult.Failed(Failure.NotApplied(ErrorCode.Unavailable, "it could not be told whether the same request took effect before"))
            : answer;
    }

    private async Task<CommitResult> AwaitAsync(Task<CommitResult> commit, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await commit.WaitAsync(timeout, _context.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return CommitOutcome.Unknown(Id).ToResult();
        }
    }

    /// <summary>Whatever escapes here is a bug, and nothing is certain then.</summary>
    private async Task RunAsync(TaskCompletionSource<CommitResult> commit, IdempotencyStamp? idempotency, TimeSpan timeout)
    {
        CommitOutcome outcome;
        DistributedCommit? deciding = null;
        try
        {
            var budget = _context.Budget(timeout);
            var (participants, failure) = _writes.Count > 0 ? await PlanAsync(idempotency, budget) : ([], null);
            deciding = participants.Count > 0 ? new DistributedCommit(_context, Id, participants) : null;
            outcome = failure is not null ? CommitOutcome.Aborted(failure)
                : deciding is null ? CommitOutcome.Committed(ReadTimestamp)
                : await deciding.RunAsync(budget);
        }
        catch (Exception)
        {
            Note(CommitOutcome.Unknown(Id));
            commit.SetResult(CommitOutcome.Unknown(Id).ToResult());
            throw;
        }

        Note(outcome);
        commit.SetResult(outcome.ToResult());
        if (outcome.Status == TransactionStatus.Unknown)
            await SettleAsync(deciding!);
    }

    private void Note(CommitOutcome outcome)
    {
        lock (_gate)
        {
            // Of a repetition the client is told what the first one did.
            _status = outcome.Repeated is null ? outcome.Status : TransactionStatus.Committed;
            _commitTimestamp = outcome.CommitTimestamp;
            _why = outcome.Failure;
            Repeated = outcome.Repeated;
        }
    }

    /// <summary>What the same request did before, under another transaction; null when it did nothing.</summary>
    internal IdempotencyRecord? Repeated { get; private set; }

    private CommitResult Result() => new() { Failure = _why, CommitTimestamp = _commitTimestamp, IsRepeated = Repeated is not null };

    /// <summary>
    /// The client knows that it does not know. What was not committed by now is not wanted any more: it is made an abort, unless it is there.
    /// </summary>
    private async Task SettleAsync(DistributedCommit commit)
    {
        while (_context.Clock.Now() <= TransactionDeadline.RememberedUntil(Id))
        {
            var outcome = await commit.SettleAsync(TransactionLimits.PrepareTimeout);
            if (outcome.Status != TransactionStatus.Unknown)
            {
                Note(outcome);
                return;
            }

            await Task.Delay(_context.Jittered(SettlePause), _context.Time);
        }
    }

    /// <summary>Sorts what was written, and what was read and must hold, by range.</summary>
    private async Task<(IReadOnlyList<CommitParticipant> Participants, Failure? Failure)> PlanAsync(IdempotencyStamp? idempotency, TimeBudget budget)
    {
        var (reads, lost) = await _reads.CloseAsync(Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {Id} is being committed"));
        if (lost is not null)
            return ([], lost);
        var works = new SortedDictionary<RangeId, Part>(Comparer<RangeId>.Create((left, right) => left.Value.CompareTo(right.Value)));
        var first = default((string Keyspace, ReadOnlyMemory<byte> Key, RangeId Range)?);
        foreach (var (keyspace, writes) in _writes.Keyspaces)
        {
            var (routes, failure) = await FindAsync(keyspace, budget, CancellationToken.None);
            if (failure is not null)
                return ([], failure);
            foreach (var write in writes)
            {
                var range = routes!.Find(write.Key.Span).Id;
                Of(routes, range).Writes.Add(write);
                if (first is not { } known || string.CompareOrdinal(keyspace, known.Keyspace) < 0)
                    first = (keyspace, write.Key, range); // ascending within a keyspace
            }
        }

        if (_validates && _reads.IsOverfull)
            return ([], Overfull);
        foreach (var (keyspace, part) in _context.Has(CoordinatorFaults.NoReadValidation) ? [] : reads)
        {
            var (routes, failure) = await FindAsync(keyspace, budget, CancellationToken.None);
            if (failure is not null)
                return ([], failure);
            foreach (var (range, read) in RangeReads.Split(part, routes!, all: _validates))
                Of(routes!, range).Reads = read;
        }

        return ([.. works.Select(work => work.Value.ToParticipant(work.Key, this, work.Key == first!.Value.Range ? idempotency : null))], null);

        Part Of(IKeyspaceRoutes routes, RangeId range)
        {
            if (!works.TryGetValue(range, out var part))
                works.Add(range, part = new Part(routes.Keyspace));
            return part;
        }
    }

    private sealed class Part(KeyspaceDescriptor keyspace)
    {
        public List<KeyWrite> Writes { get; } = [];

        public RangeReads? Reads { get; set; }

        public CommitParticipant ToParticipant(RangeId range, TransactionCoordinator of, IdempotencyStamp? idempotency) => new(range, keyspace, new TransactionWork
        {
            Transaction = of.Id,
            ReadTimestamp = of.ReadTimestamp,
            Deadline = TransactionDeadline.Of(of.Id),
            Generation = 0,
            Writes = [.. Writes],
            ReadKeys = [.. Reads?.Keys ?? []],
            ReadIntervals = [.. Reads?.Intervals ?? []],
            Idempotency = idempotency,
        });
    }
}

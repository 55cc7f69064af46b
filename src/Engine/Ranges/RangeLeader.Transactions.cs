using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// A range's part in transactions: preparing, committing those that touch no other range, and deciding, as their anchor, those that stand prepared in others. See
/// docs/protocols/transactions.md for the steps.
/// <para>
/// What holds: an intent or lock is in the log before anybody is told of it, and stands until its decision is applied. Prepare and commit timestamps lie above the transaction's
/// snapshot, above every snapshot that was read here, and above every decision that was carried out here. A transaction that is known to be decided, or whose deadline is over,
/// never prepares or commits. After a failure with an unknown outcome the same request gives the true answer.
/// </para>
/// </summary>
public sealed partial class RangeLeader
{
    private static readonly Task<WriteResult> Nothing = Task.FromResult(new WriteResult());

    /// <inheritdoc/>
    public ValueTask<PrepareResult> PrepareAsync(RangePrepare request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_replica.Gate)
        {
            _rate.Count();
            if ((Check(request.Work) ?? Check(request)) is { } refused)
                return new(PrepareResult.Failed(refused));
        }

        return RunAsync(patience => Attempt(request, patience), PrepareResult.Failed);
    }

    /// <inheritdoc/>
    public ValueTask<RangeCommitResult> CommitAsync(RangeCommit request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_replica.Gate)
        {
            _rate.Count();
            if ((Check(request.Work) ?? Check(request)) is { } refused)
                return new(RangeCommitResult.Failed(refused));
        }

        return RunAsync(patience => Attempt(request, patience), RangeCommitResult.Failed);
    }

    private Attempted<PrepareResult> Attempt(RangePrepare request, long patience)
    {
        var work = request.Work;
        var state = _replica.Transactions;
        if (_refusal is not null)
            return PrepareResult.Failed(_refusal);
        if (_ahead.FindPrepare(work.Transaction) is { } pending)
            return new(ToPrepared(EnqueueRepeated(pending, new WriteResult { Version = pending.Timestamp }), work.Transaction), null);
        if (state.Prepared.Find(work.Transaction) is { } prepared)
            return new PrepareResult { PrepareTimestamp = prepared.Prepared };
        if ((state.Decisions.Find(work.Transaction) is not null || _ahead.FindResolve(work.Transaction) is not null) && !Has(TransactionFaults.LatePrepare))
            return PrepareResult.Failed(Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {work.Transaction} is decided already"));
        if (WhyForgotten(work.Transaction) is { } forgotten)
            return PrepareResult.Failed(forgotten);
        if (IsClosed)
            return PrepareResult.Failed(KeyspaceGoes);
        if (IsFull)
            return PrepareResult.Failed(Failure.NotApplied(ErrorCode.Overloaded, $"too many transactions stand prepared in range {Range}") with { RetryAfter = OverloadedRetry });
        if (FindStamp(work.Idempotency, work.Transaction, patience) is { } stamp)
            return stamp.To(record => new PrepareResult { Repeated = record }, PrepareResult.Failed);
        if (Obstacles(work).Select(obstacle => obstacle.Holder).FirstOrDefault() is { } holder)
        {
            if (WhyDie(work, patience) is { } died)
                return PrepareResult.Failed(died);
            return WhyNotWaitFor(holder, patience, out var resolved) is { } inTheWay ? PrepareResult.Failed(inTheWay) : Attempted<PrepareResult>.After(resolved);
        }

        if (WhyNotAbove(work) is { } below)
            return PrepareResult.Failed(below);
        if (Changed(work) is { Count: > 0 } changed)
            return PrepareResult.Failed(Conflict(changed));
        var at = _replica.Clock.Now();
        if (at > work.Deadline && !Has(TransactionFaults.NoDeadline))
            return PrepareResult.Failed(TooLate(at, work.Deadline));
        if (FindMismatch(work.Writes, at) is { } mismatch)
            return new(AnswerAsync(Answer(mismatch.Result, mismatch.IsProposed), result => PrepareResult.Failed(result.Failure!)), null);
        var existed = work.Writes.Length > 0 && FindNewest(work.Writes[0].Key, at).Exists;
        var transaction = PreparedTransaction.Of(work, request.Participants, at, existed);
        _payload.ResetWrittenCount();
        PrepareCodec.Encode(transaction, _payload);
        var record = new TransactionalRecord(RangeRecordType.Prepare, _payload.WrittenSpan.ToArray(), work.Transaction);
        if (Enqueue(record.Type, at, record.Payload, null, new WriteResult { Version = at }, transactional: record) is not { } proposal)
            return PrepareResult.Failed(WhyNotEnqueued());
        _ahead.AddPrepare(transaction, proposal);
        return new(ToPrepared(proposal.Task, work.Transaction), null);
    }

    /// <summary>One that holds intents elsewhere waits as one that prepares does; one that holds nothing waits for anybody.</summary>
    private Attempted<RangeCommitResult> Attempt(RangeCommit request, long patience)
    {
        var work = request.Work;
        var holdsElsewhere = request.Others.Length > 0;
        if (_refusal is not null)
            return RangeCommitResult.Failed(_refusal);
        if (_ahead.FindCommit(work.Transaction) is { } pending)
            return new(ToCommitted(EnqueueRepeated(pending, new WriteResult { Version = pending.Timestamp }), work.Transaction), null);
        if (TryFindDecided(work.Transaction, out var decided))
            return new(AnswerAsync(new(decided), result => result.Failure is { } failure ? RangeCommitResult.Failed(failure) : new RangeCommitResult { CommitTimestamp = result.Version }), null);
        if (WhyForgotten(work.Transaction) is { } forgotten)
            return RangeCommitResult.Failed(_replica.Transactions.Commits.MayHaveForgotten(work.Transaction) ? Forgotten(work.Transaction) : forgotten);
        if (FindStamp(work.Idempotency, holdsElsewhere ? work.Transaction : TransactionId.None, patience) is { } stamp)
            return stamp.To(record => new RangeCommitResult { CommitTimestamp = record.Version, Repeated = record }, RangeCommitResult.Failed);
        if (_replica.Clock.Now() is var now && now > work.Deadline && !Has(TransactionFaults.NoDeadline))
            return TooLate(work, now);
        if (Obstacles(work).Select(obstacle => obstacle.Holder).FirstOrDefault() is { } holder)
        {
            if (holdsElsewhere && !Has(TransactionFaults.AnchorWaits) && WhyDie(work, patience) is { } died)
                return RangeCommitResult.Failed(died);
            return WhyNotWaitFor(holder, patience, out var resolved) is { } inTheWay ? RangeCommitResult.Failed(inTheWay) : Attempted<RangeCommitResult>.After(resolved);
        }

        if ((WhyNotAbove(work) ?? (holdsElsewhere ? WhyNotDecide(request) : null)) is { } below)
            return RangeCommitResult.Failed(below);
        if (Changed(work) is { Count: > 0 } changed)
            return FindOwn(work) is { } own ? new RangeCommitResult { CommitTimestamp = own } : RangeCommitResult.Failed(Conflict(changed));
        var at = _replica.Clock.Now();
        if (at > work.Deadline && !Has(TransactionFaults.NoDeadline))
            return TooLate(work, at);
        if (FindMismatch(work.Writes, at) is { } mismatch)
            return new(AnswerAsync(Answer(mismatch.Result, mismatch.IsProposed), result => RangeCommitResult.Failed(result.Failure!)), null);
        var result = new WriteResult { Version = at };
        if (work.Writes.Length == 0)
            return new(ToCommitted(Answer(result, dependsOnProposal: _pendingRecords > 0).AsTask(), work.Transaction), null);
        var existed = FindNewest(work.Writes[0].Key, at).Exists;
        return new(ToCommitted(EnqueueCommit(new(work.Transaction, work.Deadline, work.Idempotency, existed, request.Others), work.Writes, at, result), work.Transaction), null);
    }

    /// <summary>Wait-die: of those that hold something only the older waits for the younger, so nobody waits in a circle.</summary>
    private Failure? WhyDie(TransactionWork work, long patience) => IsOver(patience) || Obstacles(work).Any(obstacle => obstacle.Holder.Id < work.Transaction)
        ? Conflict(ConflictReason.Undecided, "another transaction is undecided on the same keys", Obstacles(work).Select(obstacle => obstacle.Key))
        : null;

    /// <summary>An abort of the transaction may have been here, and had to make room for others.</summary>
    private Failure? WhyForgotten(TransactionId transaction) => transaction.Began <= _replica.Transactions.Decisions.ForgottenUpTo
        ? Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {transaction} began longer ago than range {Range} remembers decisions")
        : null;

    private Attempted<WriteResult> Attempt(RangeWrite request, long patience)
    {
        if (Check(request) is { } refused)
            return WriteResult.Failed(refused);
        if (FindStamp(request.Idempotency, TransactionId.None, patience) is { } stamp)
        {
            return stamp.To(
                record => new WriteResult { Version = record.Version, Existed = record.Existed, IsRepeated = true, Answer = record.Answer, ServedBy = _servedBy }, WriteResult.Failed);
        }

        if (HasPrepared && Obstacles(request.Writes.Select(write => write.Key), [], []).Select(obstacle => obstacle.Holder).FirstOrDefault() is { } holder)
            return WhyNotWaitFor(holder, patience, out var resolved) is { } inTheWay ? WriteResult.Failed(inTheWay) : Attempted<WriteResult>.After(resolved);
        return new(Evaluate(request), null);
    }

    /// <summary>What is certain of a transaction that commits here: its commit, or that it was aborted, so that no attempt of it that is still on its way commits. False: nothing yet.</summary>
    private bool TryFindDecided(TransactionId transaction, out Task<WriteResult> decided)
    {
        decided = Nothing;
        if (_replica.Transactions.FindOutcome(transaction) is { IsZero: false } committed)
        {
            decided = Task.FromResult(new WriteResult { Version = committed });
            return true;
        }

        var isAborted = _replica.Transactions.Decisions.Find(transaction) is not null;
        if ((!isAborted && _ahead.FindResolve(transaction) is null) || Has(TransactionFaults.LatePrepare))
            return false;
        var aborted = WriteResult.Failed(Failure.NotApplied(ErrorCode.TransactionExpired, $"transaction {transaction} was aborted"));
        decided = isAborted ? Task.FromResult(aborted) : Answer(aborted, dependsOnProposal: true).AsTask();
        return true;
    }

    /// <summary>
    /// A commit whose deadline is over did not happen, as long as it would be remembered if it had; and will not, once a successor of this leader begins above the deadline too.
    /// </summary>
    private Attempted<RangeCommitResult> TooLate(TransactionWork work, Timestamp now)
    {
        if (now > work.Deadline.Add(TransactionLimits.RetryWindow) || _replica.Transactions.Commits.MayHaveForgotten(work.Transaction))
            return RangeCommitResult.Failed(Forgotten(work.Transaction));
        return new(AnswerAsync(Answer(WriteResult.Failed(TooLate(now, work.Deadline)), dependsOnProposal: false), result => RangeCommitResult.Failed(result.Failure!)), null);
    }

    private static Failure Forgotten(TransactionId transaction) =>
        Failure.Unknown(ErrorCode.OutcomeUnknown, $"whether transaction {transaction} committed is not remembered any more") with { Transaction = transaction };

    /// <summary>Moves the clock above the transaction's snapshot; or says why nothing can be decided against it.</summary>
    private Failure? WhyNotAbove(TransactionWork work)
    {
        if (!Has(TransactionFaults.BelowReadTimestamp) && !_replica.Clock.TryReceive(work.ReadTimestamp))
            return Failure.NotApplied(ErrorCode.InvalidRequest, $"{work.ReadTimestamp} lies in the future of this node's clock");
        return _replica.Store.CanReadAt(work.ReadTimestamp)
            ? null
            : Failure.NotApplied(ErrorCode.SnapshotTooOld, $"{work.ReadTimestamp} is below the GC threshold {_replica.Store.GcThreshold}") with
            {
                GcThreshold = _replica.Store.GcThreshold,
            };
    }

    /// <summary>The first write whose condition does not hold.</summary>
    private (WriteResult Result, bool IsProposed)? FindMismatch(KeyWrite[] writes, Timestamp at)
    {
        foreach (var write in writes)
        {
            if (write.Condition.Kind == ConditionKind.None)
                continue;
            var newest = FindNewest(write.Key, at);
            if (Holds(write.Condition, newest))
                continue;
            var mismatch = Mismatch(newest);
            return (mismatch with { Failure = mismatch.Failure! with { Keys = [new ConflictKey("", write.Key)] } }, newest.IsProposed);
        }

        return null;
    }

    /// <summary>Enqueues a commit that is remembered.</summary>
    private Task<WriteResult> EnqueueCommit(CommitCodec.Head head, KeyWrite[] writes, Timestamp commit, WriteResult result)
    {
        _payload.ResetWrittenCount();
        CommitCodec.Encode(head, writes, commit, _payload);
        var record = new TransactionalRecord(RangeRecordType.Commit, _payload.WrittenSpan.ToArray(), head.Transaction) { StampKey = head.Stamp?.Key, IsForOthers = head.Others.Length > 0 };
        if (Enqueue(record.Type, commit, record.Payload, writes, result, transactional: record) is not { } proposal)
            return Task.FromResult(WriteResult.Failed(WhyNotEnqueued()));
        _ahead.AddCommit(head, proposal);
        foreach (var write in writes)
            _overlay.Propose(write, commit);
        return proposal.Task;
    }

    private static async ValueTask<PrepareResult> ToPrepared(Task<WriteResult> task, TransactionId transaction)
    {
        var result = await task;
        return result.Failure is { } failure ? PrepareResult.Failed(Named(failure, transaction)) : new PrepareResult { PrepareTimestamp = result.Version };
    }

    private static async ValueTask<RangeCommitResult> ToCommitted(Task<WriteResult> task, TransactionId transaction)
    {
        var result = await task;
        return result.Failure is { } failure ? RangeCommitResult.Failed(Named(failure, transaction)) : new RangeCommitResult { CommitTimestamp = result.Version };
    }

    private static async ValueTask<T> AnswerAsync<T>(ValueTask<WriteResult> answer, Func<WriteResult, T> map) => map(await answer);
}

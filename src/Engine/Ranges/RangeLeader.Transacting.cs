using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Ranges;

/// <summary>
/// One-request transactions that touch no other range: evaluated against the newest state in log order, committed plus proposed, like conditional writes. So
/// those on one hot key follow each other in one batch; what they answer rests on what is proposed before them, and waits for it.
/// </summary>
public sealed partial class RangeLeader
{
    /// <inheritdoc/>
    public ValueTask<TransactResult> TransactAsync(RangeTransact request)
    {
        ArgumentNullException.ThrowIfNull(request);
        lock (_replica.Gate)
        {
            _rate.Count();
            if (Check(request) is { } refused)
                return new(TransactResult.Failed(refused));
            if (!HasPrepared && _log!.HasLease && Attempt(request, long.MaxValue) is { Blocked: null } attempted)
                return attempted.Answer;
        }

        return RunAsync(patience => Attempt(request, patience), TransactResult.Failed);
    }

    private Failure? Check(RangeTransact request)
    {
        if (_refusal is not null)
            return _refusal;
        if (request.Generation != Descriptor.Generation)
            return Moved();
        var transaction = request.Request;
        if (!transaction.AsOf.IsZero)
            return Invalid("a range evaluates its newest state");
        if (transaction.Writes.Count > TransactionLimits.MaxWrites || transaction.Reads.Count + transaction.Checks.Count > TransactionLimits.MaxReads)
            return TooLarge($"at most {TransactionLimits.MaxWrites} writes and {TransactionLimits.MaxReads} reads and checks");
        if (transaction.Writes.Count > 0 && (request.Transaction.IsNone || CheckDeadline(request.Transaction, request.Deadline) is not null))
            return Invalid("a transaction that writes has an id, and a deadline that is not too far from its beginning");
        if (transaction.Checks.Any(check => !Descriptor.Contains(check.Key.Span)) || transaction.Reads.Any(read => !read.IsScan && !Descriptor.Contains(read.Start.Span)))
            return Moved();
        if (transaction.Reads.Any(read => read.IsScan && read.Limit is < 1 or > KeyLimits.MaxScanLimit))
            return Invalid($"a read of an interval takes 1 to {KeyLimits.MaxScanLimit} rows");
        return CheckWrites([.. transaction.Writes.Select(write => write.Write)], out _) ?? CheckStamp(transaction.Idempotency);
    }

    private Attempted<TransactResult> Attempt(RangeTransact request, long patience)
    {
        var transaction = request.Request;
        if (_refusal is not null)
            return TransactResult.Failed(_refusal);
        if (transaction.Writes.Count > 0 && FindRepeated(request, patience) is { } repeated)
            return repeated;
        if (HasPrepared && Obstacles(
            transaction.Writes.Select(write => write.Write.Key),
            transaction.Checks.Select(check => check.Key).Concat(transaction.Reads.Where(read => !read.IsScan).Select(read => read.Start)),
            transaction.Reads.Where(read => read.IsScan).Select(ToInterval)).Select(obstacle => obstacle.Holder).FirstOrDefault() is { } holder)
        {
            return WhyNotWaitFor(holder, patience, out var resolved) is { } inTheWay ? TransactResult.Failed(inTheWay) : Attempted<TransactResult>.After(resolved);
        }

        var at = _replica.Clock.Now();
        var state = new NewestState(_replica.Store, _overlay, at);
        if (Look(transaction, state, request.Transaction, out var result) is { } failure)
            return TransactResult.Failed(failure);
        if (result.FailedChecks.Count > 0 || transaction.Writes.Count == 0)
            return new(AnswerAsync(Answer(new WriteResult(), state.HasSeenProposals), answer => answer.Failure is { } lost ? TransactResult.Failed(lost) : result), null);
        if (at > request.Deadline && !Has(TransactionFaults.NoDeadline))
            return TransactResult.Failed(TooLate(at, request.Deadline));
        return Commit(request, state, result);
    }

    /// <summary>The same transaction, or the same request under another, came before.</summary>
    private Attempted<TransactResult>? FindRepeated(RangeTransact request, long patience)
    {
        if (FindStamp(request.Request.Idempotency, TransactionId.None, patience) is { } stamp)
            return stamp.To(record => Repeated(request, record), TransactResult.Failed);
        if (_ahead.FindCommit(request.Transaction) is { } pending)
        {
            var repeated = EnqueueRepeated(pending, new WriteResult());
            return Attempted<TransactResult>.Now(AnswerAsync(
                new(repeated), answer => answer.Failure is { } lost ? TransactResult.Failed(Named(lost, request.Transaction)) : Committed(pending.Timestamp)));
        }

        if (TryFindDecided(request.Transaction, out var decided))
            return new(AnswerAsync(new(decided), answer => answer.Failure is { } failure ? TransactResult.Failed(failure) : Committed(answer.Version)), null);
        if (_replica.Transactions.Commits.MayHaveForgotten(request.Transaction))
            return TransactResult.Failed(Forgotten(request.Transaction));
        if (WhyForgotten(request.Transaction) is { } forgotten)
            return TransactResult.Failed(forgotten);
        return null;

        // What it read then is not remembered without an idempotency key.
        TransactResult Committed(Timestamp at) => new() { Committed = true, CommitTimestamp = at, Transaction = request.Transaction };
    }

    private static TransactResult Repeated(RangeTransact request, IdempotencyRecord record)
    {
        if (!TransactAnswer.TryDecode(record.Answer, out var reads, out var increments))
            return TransactResult.Failed(new Failure(ErrorCode.Internal, Outcome.Applied, $"the request took effect at {record.Version}, and its answer cannot be read"));
        return new TransactResult
        {
            Committed = true,
            CommitTimestamp = record.Version,
            Reads = reads,
            Increments = increments,
            Repeated = record,
            Transaction = request.Transaction,
        };
    }

    /// <summary>Checks and reads.</summary>
    private Failure? Look(TransactRequest transaction, NewestState state, TransactionId id, out TransactResult result)
    {
        var failed = new List<int>();
        var found = new List<TransactFound>();
        result = new TransactResult { CommitTimestamp = state.At, Transaction = id, FailedChecks = failed, Reads = found };
        for (var i = 0; i < transaction.Checks.Count; i++)
        {
            if (!WriteRules.Holds(transaction.Checks[i], state.Find(transaction.Checks[i].Key)))
                failed.Add(i);
        }

        var bytes = KeyLimits.MaxScanPageBytes;
        foreach (var read in transaction.Reads)
        {
            var one = read.IsScan
                ? new TransactFound { Rows = state.FindIn(Clip(read.Start), ClipEnd(read.End), read.Limit, bytes) }
                : new TransactFound { Item = state.Find(read.Start) };
            foreach (var row in one.Rows ?? (one.Item is { } item ? [item] : []))
                bytes -= row.Key.Length + row.Value.Length;
            if (bytes < 0 || state.IsExhausted)
                return TooLarge($"the reads of one transaction are more than {KeyLimits.MaxScanPageBytes} bytes, or look at more than {NewestState.MaxExamined} versions");
            found.Add(new TransactFound { Item = one.Item is { } key ? ToUser(key) : null, Rows = one.Rows is { } rows ? [.. rows.Select(ToUser)] : null });
        }

        result = result with { Committed = failed.Count == 0 };
        return null;
    }

    private Attempted<TransactResult> Commit(RangeTransact request, NewestState state, TransactResult result)
    {
        var transaction = request.Request;
        var writes = new KeyWrite[transaction.Writes.Count];
        var increments = new long?[writes.Length];
        for (var i = 0; i < writes.Length; i++)
        {
            var (write, by) = (transaction.Writes[i].Write, transaction.Writes[i].Increment);
            writes[i] = write;
            if (by is null)
                continue;
            if (Increment.Make(write, by.Value, state.Find(write.Key)) is not var (put, sum))
                return new(AnswerAsync(Answer(WriteResult.Failed(NotAnInteger(write.Key)), state.HasSeenProposals), answer => TransactResult.Failed(answer.Failure!)), null);
            (writes[i], increments[i]) = (put, sum);
        }

        result = result with { Increments = increments };
        var stamp = transaction.Idempotency;
        if (stamp is not null)
        {
            if (!TransactAnswer.TryEncode(result.Reads, increments, out var answer))
                return TransactResult.Failed(TooLarge($"the answer cannot be kept with an idempotency key: at most {TransactionLimits.MaxIdempotencyAnswerBytes} bytes"));
            stamp = stamp with { Answer = answer };
        }

        var committing = EnqueueCommit(new(request.Transaction, request.Deadline, stamp, Existed: false), writes, state.At, new WriteResult { Version = state.At });
        return new(AnswerAsync(new ValueTask<WriteResult>(committing), answer => answer.Failure is { } failure ? TransactResult.Failed(Named(failure, request.Transaction)) : result), null);
    }

    private static Failure NotAnInteger(ReadOnlyMemory<byte> key) =>
        Failure.NotApplied(ErrorCode.NotAnInteger, "an increment met a value that is no 64-bit integer, or would leave their range") with { Keys = [new ConflictKey("", key)] };

    private ScanItem ToUser(ScanItem item) => item with { Key = RoutingKey.ToUserKey(_options.Partitioning, item.Key) };

    private ReadOnlyMemory<byte> Clip(ReadOnlyMemory<byte> start) => start.Span.SequenceCompareTo(Descriptor.Start) < 0 ? Descriptor.Start : start;

    private ReadOnlyMemory<byte>? ClipEnd(ReadOnlyMemory<byte>? end) =>
        Descriptor.End is { } bound && (end is not { } given || given.Span.SequenceCompareTo(bound) > 0) ? bound : end;

    private static RoutingInterval ToInterval(TransactRead read) => new(read.Start.ToArray(), read.End?.ToArray());

    /// <summary>Only where the outcome is unknown there is something to ask for.</summary>
    private static Failure Named(Failure failure, TransactionId transaction) => failure.Outcome == Outcome.Unknown ? failure with { Transaction = transaction } : failure;
}

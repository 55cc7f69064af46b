using GrainDb.Engine.Ranges;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Transactions;

/// <summary>
/// A transaction that came whole, over any number of ranges: (1) everything that it needs is read of one snapshot; (2) where a check fails, that snapshot is the answer; else
/// (3) its writes are made and committed, the commit validating that checks and increments, and under serializable isolation all reads, still hold. On a
/// conflict it is evaluated anew, since it carries its whole logic, until its time is up; so it is while the same request is being carried out under another transaction, whose
/// answer is then its own.
/// </summary>
public sealed class OneRequestTransaction
{
    /// <summary>Most checks, reads and writes together, each.</summary>
    public const int MaxOperations = KeyLimits.MaxBatchOperations;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private static readonly Task<ReadResult> NoRead = Task.FromResult(new ReadResult());

    private readonly CoordinatorContext _context;
    private readonly TransactRequest _request;

    /// <param name="context">The node.</param>
    /// <param name="request">Checked (<see cref="WhyNot(TransactRequest, CoordinatorContext)"/>).</param>
    public OneRequestTransaction(CoordinatorContext context, TransactRequest request)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        _context = context;
        _request = request;
    }

    /// <summary>Why the request cannot be run; null when it can.</summary>
    public static Failure? WhyNot(TransactRequest request, CoordinatorContext context)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(context);
        if (!request.AsOf.IsZero && request.Writes.Count > 0)
            return Invalid("a transaction of an old snapshot cannot write");
        if (request.Checks.Count > MaxOperations || request.Reads.Count > MaxOperations || request.Writes.Count > TransactionLimits.MaxWrites)
        {
            return Failure.NotApplied(
                ErrorCode.TransactionTooLarge,
                $"{request.Checks.Count} checks, {request.Reads.Count} reads and {request.Writes.Count} writes: at most {MaxOperations}, {MaxOperations} and {TransactionLimits.MaxWrites}");
        }

        return request.Checks.Select(check => WriteRules.CheckKey(check.Key))
            .Concat(request.Reads.Select(WhyNot))
            .Concat(request.Writes.Select(write => WhyNot(write, context)))
            .FirstOrDefault(failure => failure is not null) ?? WhyNotTogether(request);
    }

    /// <summary>Runs it until it is answered or the time is up.</summary>
    /// <param name="timeout">The time that it may take.</param>
    /// <param name="cancellationToken">The caller gave up: a commit that is under way goes on.</param>
    public async ValueTask<TransactResult> RunAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var budget = _context.Budget(timeout);
        var began = _context.Clock.Now();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            // As old as the first attempt where it meets others, so that it does not lose for ever; but never the same, since that one is decided.
            var transaction = _context.NewId(began);
            var result = await AttemptAsync(transaction, budget, cancellationToken);
            if (result.Failure is not { Code: ErrorCode.TransactionConflict or ErrorCode.IdempotencyInProgress, Outcome: Outcome.NotApplied })
                return result;
            var jittered = _context.Jittered(pause);
            if (budget.Left <= jittered)
                return result;
            await Task.Delay(jittered, _context.Time, cancellationToken);
        }
    }

    private async Task<TransactResult> AttemptAsync(TransactionId id, TimeBudget budget, CancellationToken cancellationToken)
    {
        var transaction = new TransactionCoordinator(_context, id, _context.Clock.Now(), new TransactionOptions(
            _request.Isolation, ReadOnly: _request.Writes.Count == 0, _request.AsOf, TransactionLimits.MaxDuration));
        var keys = new SharedReads(transaction, budget, cancellationToken);
        var checks = Task.WhenAll(_request.Checks.Select(check => keys.ReadAsync(check.Keyspace, check.Key, mustHold: true))); // first: who reads the same key shares it
        var reads = Task.WhenAll(_request.Reads.Select(read => FindAsync(transaction, keys, read, budget, cancellationToken)));
        var bases = Task.WhenAll(_request.Writes.Select(write => write.Increment is null ? NoRead : keys.ReadAsync(write.Keyspace, write.Write.Key, mustHold: false)));
        await Task.WhenAll(checks, reads, bases);
        if ((checks.Result.Select(read => read.Failure)
            .Concat(reads.Result.Select(read => read.Failure))
            .Concat(bases.Result.Select(read => read.Failure)).FirstOrDefault(failure => failure is not null)) is { } unread)
        {
            return TransactResult.Failed(unread);
        }

        TransactFound[] found = [.. reads.Result.Select(read => read.Found!)];
        if (found.Sum(SizeOf) > TransactionLimits.MaxBytes)
            return TransactResult.Failed(Failure.NotApplied(ErrorCode.TransactionTooLarge, $"the transaction reads more than {TransactionLimits.MaxBytes} bytes"));
        int[] failed = [.. Enumerable.Range(0, checks.Result.Length).Where(index => !WriteRules.Holds(_request.Checks[index], checks.Result[index]))];
        if (failed.Length > 0)
        {
            return await RepeatedAsync(transaction, budget) ?? new TransactResult
            {
                FailedChecks = failed,
                Reads = found,
                CommitTimestamp = transaction.ReadTimestamp,
                Transaction = id,
            };
        }

        if (Evaluate(bases.Result, out var made, out var increments) is { } wrong)
            return await RepeatedAsync(transaction, budget) ?? TransactResult.Failed(wrong);
        return await CommitAsync(transaction, found, made, increments, budget, cancellationToken);
    }

    private async Task<TransactResult> CommitAsync(
        TransactionCoordinator transaction, TransactFound[] found, KeyWrite[] made, long?[] increments, TimeBudget budget, CancellationToken cancellationToken)
    {
        for (var i = 0; i < made.Length; i++)
        {
            var write = _request.Writes[i];
            if (await transaction.WriteAsync(write.Keyspace, made[i], budget.Left, cancellationToken) is { } refused)
                return TransactResult.Failed(refused);
        }

        var stamp = _request.Idempotency;
        if (stamp is not null)
        {
            if (!TransactAnswer.TryEncode(found, increments, out var answer))
                return TransactResult.Failed(AnswerTooLarge);
            stamp = stamp with { Answer = answer };
        }

        var result = await transaction.CommitAsync(stamp, budget.Left, cancellationToken);
        if (result.Failure is { } failure)
            return TransactResult.Failed(failure);
        if (transaction.Repeated is { } repeated)
            return Repeat(repeated, transaction.Id);
        return new TransactResult
        {
            Committed = true,
            CommitTimestamp = result.CommitTimestamp,
            Reads = found,
            Increments = increments,
            Transaction = transaction.Id,
        };
    }

    /// <summary>
    /// What does not hold now may have held when the same request took effect: before it is told that it does not, the range that would remember is asked.
    /// </summary>
    private async Task<TransactResult?> RepeatedAsync(TransactionCoordinator transaction, TimeBudget budget) =>
        _request.Idempotency is null || _request.Writes.Count == 0 ? null
        : await transaction.ProbeAsync(_request.Idempotency, _request.Writes.Select(write => (write.Keyspace, write.Write.Key)), budget) switch
        {
            { Repeated: { } repeated } => Repeat(repeated, transaction.Id),
            { Failure: { } failure } => TransactResult.Failed(failure),
            _ => null,
        };

    /// <summary>The answer that was kept.</summary>
    private static TransactResult Repeat(IdempotencyRecord record, TransactionId transaction) =>
        TransactAnswer.TryDecode(record.Answer, out var reads, out var increments)
            ? new TransactResult { Committed = true, CommitTimestamp = record.Version, Reads = reads, Increments = increments, Repeated = record, Transaction = transaction }
            : TransactResult.Failed(new Failure(ErrorCode.Internal, Outcome.Applied, $"the request took effect at {record.Version}, and its answer cannot be read"));

    private static Failure AnswerTooLarge => Failure.NotApplied(
        ErrorCode.TransactionTooLarge, $"the answer would have to be kept with the idempotency key; the limit is {TransactionLimits.MaxIdempotencyAnswerBytes} bytes");

    private Failure? Evaluate(ReadResult[] bases, out KeyWrite[] made, out long?[] increments)
    {
        made = [.. _request.Writes.Select(write => write.Write)];
        increments = new long?[made.Length];
        for (var i = 0; i < bases.Length; i++)
        {
            if (_request.Writes[i].Increment is not { } by)
                continue;
            if (Increment.Make(made[i], by, WriteRules.ToItem(made[i].Key, bases[i])) is not var (put, sum))
            {
                return Failure.NotApplied(ErrorCode.NotAnInteger, "an increment met a value that is no 64-bit integer, or would leave their range") with
                {
                    Keys = [new ConflictKey(_request.Writes[i].Keyspace, _request.Writes[i].Write.Key)],
                };
            }

            (made[i], increments[i]) = (put, sum);
        }

        return null;
    }

    private static async Task<(TransactFound? Found, Failure? Failure)> FindAsync(
        TransactionCoordinator transaction, SharedReads keys, TransactRead read, TimeBudget budget, CancellationToken cancellationToken)
    {
        if (!read.IsScan)
        {
            var result = await keys.ReadAsync(read.Keyspace, read.Start, mustHold: false);
            return result.Failure is { } failure
                ? (null, failure)
                : (new TransactFound { Item = result.Found ? new ScanItem(read.Start, result.Version, result.ContentType, result.Value) : null }, null);
        }

        var rows = new List<ScanItem>();
        var bytes = 0L;
        byte[]? resume = null;
        do
        {
            var page = await transaction.ScanAsync(
                read.Keyspace,
                new ScanQuery(read.Start, read.End, Timestamp.Zero, read.Limit - rows.Count, Reverse: false, KeysOnly: false, resume),
                budget.Left,
                cancellationToken);
            if (page.Failure is { } failure)
                return (null, failure);
            rows.AddRange(page.Items);
            bytes += page.Items.Sum(SizeOf);
            resume = page.ResumeKey;
        }
        while (resume is not null && rows.Count < read.Limit && bytes <= TransactionLimits.MaxBytes);

        return (new TransactFound { Rows = rows }, null);
    }

    private static long SizeOf(TransactFound found) => (found.Item is { } item ? SizeOf(item) : 0) + (found.Rows?.Sum(SizeOf) ?? 0);

    private static long SizeOf(ScanItem item) => item.Key.Length + item.Value.Length;

    private static Failure? WhyNot(TransactRead read) => read switch
    {
        { IsScan: false } => WriteRules.CheckKey(read.Start),
        { Limit: < 1 or > KeyLimits.MaxScanLimit } => Invalid($"a limit of {read.Limit}: 1 to {KeyLimits.MaxScanLimit}"),
        _ => null,
    };

    private static Failure? WhyNot(TransactWrite write, CoordinatorContext context) =>
        write.Write.Condition.Kind != ConditionKind.None ? Invalid("a write of a one-request transaction has no condition of its own: that is what checks are for")
        : write is { Increment: not null, Write.Kind: WriteKind.Delete } ? Invalid("a write cannot delete and increment")
        : WriteRules.Check(write.Keyspace, write.Write, context);

    private static Failure? WhyNotTogether(TransactRequest request)
    {
        if (request.Writes.Sum(write => (long)write.Write.Key.Length + write.Write.Value.Length) > TransactionLimits.MaxBytes)
            return Failure.NotApplied(ErrorCode.TransactionTooLarge, $"the transaction writes more than {TransactionLimits.MaxBytes} bytes");
        var isTwice = request.Writes.GroupBy(write => write.Keyspace)
            .Any(keyspace => keyspace.Select(write => write.Write.Key).Distinct(RoutingKeyComparer.Instance).Count() != keyspace.Count());
        return isTwice ? Invalid("a key is written twice in one transaction") : null;
    }

    private static Failure Invalid(string detail) => Failure.NotApplied(ErrorCode.InvalidRequest, detail);

    /// <summary>The keys that an attempt reads, each asked for once, however many checks, reads and increments are of it: all are of one snapshot. Not thread-safe.</summary>
    private sealed class SharedReads(TransactionCoordinator transaction, TimeBudget budget, CancellationToken cancellationToken)
    {
        private readonly Dictionary<string, Dictionary<ReadOnlyMemory<byte>, Task<ReadResult>>> _asked = new(StringComparer.Ordinal);

        /// <param name="keyspace">Name of the keyspace.</param>
        /// <param name="key">The user's key.</param>
        /// <param name="mustHold">Whether the commit validates it. Those that want it ask first.</param>
        public Task<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, bool mustHold)
        {
            if (!_asked.TryGetValue(keyspace, out var keys))
                _asked[keyspace] = keys = new(RoutingKeyComparer.Instance);
            if (!keys.TryGetValue(key, out var asked))
                keys[key] = asked = transaction.ReadAsync(keyspace, key, mustHold, budget.Left, cancellationToken).AsTask();
            return asked;
        }
    }
}
